"""Pictures join and leave a collection over REST."""

import base64
import io
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from index.items import item_id
from index.verifying.verify import verify
from service.changes.adding import Sent
from service.changes.spool import Spool
from tests.fakes import COLOURS, ColourEncoder, picture_bytes
from tests.index.picture_server import gives, picture_server
from tests.service.answers import found, problem
from tests.service.conftest import IDS, Built, Serve, index

PINK = (255, 100, 150)
PATIENCE_S = 60


@pytest.fixture
def own(built: Built, tmp_path: Path) -> Built:
    """A copy that a test may change."""
    copied = Built(tmp_path / "collection", built.pictures)
    shutil.copytree(built.folder, copied.folder)
    return copied


@pytest.fixture
def client(serve: Serve, own: Built) -> TestClient:
    return serve(collection=own.folder)


def sent(*colours: Any) -> list[tuple[str, tuple[str, bytes, str]]]:  # noqa: ANN401
    return [
        ("image", (f"{number}.png", picture_bytes(colour), "image/png"))
        for number, colour in enumerate(colours)
    ]


def items(client: TestClient) -> int:
    return int(client.get("/v1/collection").json()["items"])


def test_a_picture_that_is_sent_is_found_when_the_call_returns(
    client: TestClient, own: Built
) -> None:
    answer = client.post(
        "/v1/images",
        files=[("image", ("trip/pink.png", picture_bytes(PINK), "image/png"))],
        data={"caption": "Our tent", "metadata": '{"stars": 4, "tags": ["tent", "lake"]}'},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert (body["added"], body["known"], body["failed"]) == (1, 0, 0)
    (image,) = body["images"]
    assert image["id"] == item_id(picture_bytes(PINK))
    assert (image["status"], image["path"]) == ("added", "trip/pink.png")
    assert client.get(image["image_url"]).content == picture_bytes(PINK)
    assert client.get(image["thumbnail_url"]).status_code == 200
    ask = {"image": {"base64": base64.b64encode(picture_bytes(PINK)).decode()}, "limit": 1}
    assert found(client.post("/v1/search", json=ask)) == ["trip/pink"]
    words = {"text": "tent", "mode": "words"}
    assert found(client.post("/v1/search", json=words)) == ["trip/pink"]
    tagged = {"text": "red", "filter": {"field": "tags", "eq": "lake"}}
    assert found(client.post("/v1/search", json=tagged)) == ["trip/pink"]
    item = client.get(f"/v1/images/{image['id']}").json()
    assert item["metadata"] == {"stars": 4, "tags": ["tent", "lake"]}
    assert verify(own.folder) == ()


def test_sending_it_again_is_no_error_and_adds_nothing(client: TestClient) -> None:
    first = client.post("/v1/images", files=sent(PINK))
    again = client.post("/v1/images", files=sent(PINK))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["known"] == 1
    assert items(client) == len(IDS) + 1


def test_each_of_several_has_its_own_outcome(client: TestClient) -> None:
    broken = ("image", ("broken.png", b"no picture", "image/png"))
    answer = client.post("/v1/images", files=[*sent(PINK), broken, *sent("red")])
    assert answer.status_code == 201
    outcomes = answer.json()["images"]
    assert [outcome["status"] for outcome in outcomes] == ["added", "failed", "known"]
    assert outcomes[1]["error"]["status"] == 422
    assert outcomes[1]["error"]["code"] == "invalid_image"
    assert [outcome["index"] for outcome in outcomes] == [0, 1, 2]


def test_captions_and_metadata_belong_to_the_pictures_in_their_order(client: TestClient) -> None:
    answer = client.post(
        "/v1/images",
        files=sent(PINK, (1, 2, 3)),
        data={"caption": ["a tent", ""], "metadata": ["{}", '{"n": 2}']},
    )
    one, two = (client.get(f"/v1/images/{i['id']}").json() for i in answer.json()["images"])
    assert (one["caption"], one["metadata"]) == ("a tent", {})
    assert (two["caption"], two["metadata"]) == (None, {"n": 2})


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"caption": ["one", "two"]}, "caption"),
        ({"metadata": "not json"}, "metadata"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": '{"n": {"deep": 1}}'}, "metadata"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_form_that_means_nothing_is_refused_by_its_field(
    client: TestClient, data: dict[str, Any], field: str
) -> None:
    answer = client.post("/v1/images", files=sent(PINK), data=data)
    assert problem(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"].split(".")[0] == field
    assert items(client) == len(IDS)


def test_the_one_picture_of_a_request_that_cannot_be_added_is_its_problem(
    client: TestClient,
) -> None:
    answer = client.post("/v1/images", files=[("image", ("x.png", b"no picture", "image/png"))])
    assert problem(answer) == (422, "invalid_image")
    large = io.BytesIO()
    Image.new("L", (20_000, 10_000)).save(large, "PNG")
    answer = client.post("/v1/images", files=[("image", ("x.png", large.getvalue(), "image/png"))])
    assert problem(answer) == (413, "image_too_large")


def test_where_none_of_several_could_be_added_the_problem_tells_of_each(
    client: TestClient,
) -> None:
    files = [("image", (f"{n}.png", b"no picture", "image/png")) for n in range(2)]
    answer = client.post("/v1/images", files=files)
    assert problem(answer) == (422, "invalid_image")
    assert [each["error"]["code"] for each in answer.json()["images"]] == ["invalid_image"] * 2


def test_pictures_in_json_are_added_by_their_bytes(client: TestClient) -> None:
    encoded = base64.b64encode(picture_bytes(PINK)).decode()
    image = {"base64": encoded, "name": "pink.png", "caption": "tent", "metadata": {"n": 1}}
    answer = client.post("/v1/images", json={"images": [image]})
    assert answer.status_code == 201
    assert answer.json()["images"][0]["path"] == "pink.png"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"images": []},
        {"images": [{"name": "x"}]},
        {"images": [{"base64": "!!!"}]},
        {"images": [{"base64": "", "url": "http://example.com/x.png"}]},
        {"images": [{"base64": "", "metadata": {"n": 1e400}}]},
        {"images": [{"base64": "", "metadata": {"n": 2**70}}]},
        {"images": [{"base64": "", "caption": "\ud800"}]},
        {"images": [{"base64": "", "shape": "round"}]},
    ],
)
def test_a_body_that_means_nothing_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.post(
        "/v1/images", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert problem(answer)[0] == 422
    assert items(client) == len(IDS)


def test_addresses_are_fetched_only_where_that_is_allowed(
    client: TestClient, serve: Serve, own: Built
) -> None:
    with picture_server() as web:
        web.script.append(gives(picture_bytes(PINK)))
        body = {"images": [{"url": web.url("/pink.png", host="127.0.0.1")}]}
        assert problem(client.post("/v1/images", json=body)) == (403, "fetching_off")
        guarded = serve(collection=own.folder, fetch_urls=True)
        assert problem(guarded.post("/v1/images", json=body)) == (422, "address_refused")
        allowing = serve(collection=own.folder, fetch_urls=True, fetch_hosts=("127.0.0.1",))
        answer = allowing.post("/v1/images", json=body)
        assert answer.status_code == 201
        assert answer.json()["images"][0]["path"] == "pink.png"


def test_a_deleted_picture_is_gone_with_its_bytes_and_deleting_is_idempotent(
    client: TestClient, own: Built
) -> None:
    added = client.post("/v1/images", files=sent(PINK)).json()["images"][0]["id"]
    for id_ in (added, IDS["red"]):
        assert client.delete(f"/v1/images/{id_}").status_code == 204
        assert client.delete(f"/v1/images/{id_}").status_code == 204
        assert problem(client.get(f"/v1/images/{id_}")) == (404, "unknown_item")
        assert problem(client.get(f"/v1/images/{id_}/file")) == (404, "unknown_item")
    assert "red" not in found(client.post("/v1/search", json={"text": "red"}))
    assert problem(client.delete(f"/v1/images/{'0' * 32}")) == (404, "unknown_item")
    assert (own.pictures / "red.png").exists()
    assert verify(own.folder) == ()


def wait_for(client: TestClient, url: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(url).json()
        if job["status"] == "done":
            return job
        time.sleep(0.05)
    raise AssertionError("the job is not done")


Ask = Callable[[TestClient], Any]


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.post("/v1/images?wait=false", files=sent(PINK, "red")),
        lambda client: client.post(
            "/v1/images", files=sent(PINK, "red"), headers={"Prefer": "respond-async, wait=10"}
        ),
        lambda client: client.post("/v1/images", files=sent(PINK, "red", PINK, PINK, PINK)),
    ],
)
def test_many_or_unwaited_for_become_a_job_that_tells_of_each(
    serve: Serve, own: Built, ask: Ask
) -> None:
    client = serve(collection=own.folder, add_at_once=4)
    answer = ask(client)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == job["url"] == f"/v1/jobs/{job['id']}"
    done = wait_for(client, job["url"])
    assert done["total"] == done["added"] + done["known"]
    assert (done["added"], done["failed"]) == (1, 0)
    assert {"added", "known"} == {image["status"] for image in done["images"]}
    assert items(client) == len(IDS) + 1
    assert client.get(job["url"], params={"first": 1, "limit": 1}).json()["images"][0]["index"] == 1
    assert not list((own.folder / "incoming").rglob("0"))


def test_a_job_goes_on_where_a_server_was_stopped(serve: Serve, own: Built) -> None:
    spool = Spool(own.folder)
    id_ = spool.put([Sent(picture_bytes(PINK), name="pink.png"), Sent(b"no picture")])
    client = serve(collection=own.folder)
    job = wait_for(client, f"/v1/jobs/{id_}")
    assert (job["added"], job["failed"]) == (1, 1)
    assert job["images"][1]["error"]["code"] == "invalid_image"


def test_an_unknown_job_is_not_found(client: TestClient) -> None:
    assert problem(client.get(f"/v1/jobs/{'0' * 32}")) == (404, "unknown_job")


def test_a_collection_that_cannot_be_written_says_so_and_loses_nothing(
    client: TestClient, own: Built
) -> None:
    (own.folder / "uploads").write_bytes(b"in the way")
    assert problem(client.post("/v1/images", files=sent(PINK))) == (503, "collection_unavailable")
    assert items(client) == len(IDS)
    (own.folder / "uploads").unlink()
    assert client.post("/v1/images", files=sent(PINK)).status_code == 201
    assert verify(own.folder) == ()


def test_a_server_goes_on_when_a_job_publishes_another_model_and_changes_nothing_more(
    client: TestClient, own: Built
) -> None:
    added = client.post("/v1/images", files=sent((9, 9, 9))).json()["images"][0]["id"]
    index(own, ColourEncoder("f" * 16))
    assert problem(client.post("/v1/images", files=sent(PINK))) == (503, "space_mismatch")
    refused = client.delete(f"/v1/images/{added}")
    assert problem(refused) == (503, "space_mismatch")
    assert verify(own.folder) == ()
    # what it has answered from before it goes on answering from, until the next server is there
    assert found(client.post("/v1/search", json={"text": "red", "limit": 1})) == ["red"]
    assert client.get(f"/v1/images/{added}/file").status_code == 200
    assert items(client) == len(IDS) + 1
    assert client.get("/readyz").status_code == 200


def test_many_callers_add_at_once_and_each_gets_its_own_answer(
    client: TestClient, own: Built
) -> None:
    generator = np.random.default_rng(3)
    colours = [tuple(c) for c in generator.integers(0, 256, (24, 3)).tolist()]
    answers = [client.post("/v1/images", files=sent(*colours[n : n + 4])) for n in range(0, 24, 4)]
    ids = [image["id"] for answer in answers for image in answer.json()["images"]]
    assert ids == [item_id(picture_bytes(colour)) for colour in colours]
    assert items(client) == len(COLOURS) + 1 + len(set(colours))
    assert verify(own.folder) == ()
