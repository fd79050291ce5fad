import pytest
from fastapi.testclient import TestClient

from tests.service.answers import found, problem
from tests.service.hostile import Hostile, hostile_requests


@pytest.mark.parametrize("hostile", hostile_requests(), ids=lambda each: each.name)
def test_what_nobody_should_send_is_refused_with_its_own_code(
    client: TestClient, hostile: Hostile
) -> None:
    headers = {"Content-Type": hostile.content_type}
    status, code = problem(client.post(hostile.path, content=hostile.body, headers=headers))
    assert status == hostile.status
    assert not hostile.codes or code in hostile.codes


def test_after_all_of_it_the_server_answers(client: TestClient) -> None:
    for hostile in hostile_requests():
        headers = {"Content-Type": hostile.content_type}
        client.post(hostile.path, content=hostile.body, headers=headers)
    assert found(client.post("/v1/search", json={"text": "red", "limit": 1})) == ["red"]
    assert client.get("/readyz").status_code == 200
