"""Every part of a query with every other, on both addresses: answered alike, or refused clearly."""

import base64
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.schemas.bodies import UPLOAD_BODY
from service.schemas.search import SearchRequest
from tests.fakes import COLOURS, ColourEncoder, picture_bytes
from tests.service.answers import Answer, found, problem
from tests.service.conftest import IDS, Built, Serve, index

MODES = ("vector", "words", "hybrid")
SENT = picture_bytes("red")
QUERIES: dict[str, dict[str, Any]] = {
    "text": {"text": "green field"},
    "image": {"image": {"base64": base64.b64encode(SENT).decode()}},
    "stored": {"image": {"id": "red"}},
    "composed": {
        "image": {"base64": base64.b64encode(SENT).decode()},
        "text": ["green", "white field"],
    },
}
EXCLUDE = [{"text": "blue", "weight": 0.2}]
FILTER = {"not": {"field": "path", "prefix": "black"}}
CROP = [0, 0, 0.5, 1]
PARTS = list(product((False, True), repeat=3))


class Reading(ColourEncoder):
    """Reads over words that are no colours."""

    def encode_texts(self, texts: Any) -> Any:  # noqa: ANN401
        return super().encode_texts([f"{text} white" for text in texts])


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fields")
    built = Built(place / "collection", place / "pictures")
    built.pictures.mkdir()
    for name in COLOURS:
        (built.pictures / f"{name}.png").write_bytes(picture_bytes(name))
        (built.pictures / f"{name}.txt").write_text(f"a field of {name}")
    index(built, ColourEncoder())
    return built.folder


@pytest.fixture
def client(serve: Serve, fields: Path) -> TestClient:
    return serve(Reading(), collection=fields)


def query_of(kind: str, mode: str, *, exclude: bool, where: bool, crop: bool) -> dict[str, Any]:
    query = {**QUERIES[kind], "mode": mode}
    if query.get("image") == {"id": "red"}:
        query["image"] = {"id": IDS["red"]}
    parts = {"exclude": (exclude, EXCLUDE), "filter": (where, FILTER), "crop": (crop, CROP)}
    return query | {name: value for name, (wanted, value) in parts.items() if wanted}


def meaningless(kind: str, mode: str, exclude: bool, crop: bool) -> str | None:
    """The code of what is refused."""
    if crop and kind == "text":
        return "crop_without_image"
    if mode == "words" and kind != "text":
        return "mode_without_image"
    if mode == "hybrid" and kind in ("image", "stored"):
        return "mode_without_text"
    return "words_exclude" if mode == "words" and exclude else None


def as_form(client: TestClient, query: dict[str, Any]) -> Answer:
    form = {
        name: value if name in ("text", "mode", "cursor") else json.dumps(value)
        for name, value in query.items()
        if name != "image"
    }
    files = {"image": SENT} if "image" in query else {"limit": (None, form.pop("limit").encode())}
    return client.post("/v1/search/upload", data=form, files=files)


@pytest.mark.parametrize(("kind", "mode"), list(product(QUERIES, MODES)))
def test_every_combination_is_paged_through_as_one_ranking_or_refused(
    client: TestClient, kind: str, mode: str
) -> None:
    for exclude, where, crop in PARTS:
        is_paged_through_or_refused(client, kind, mode, exclude=exclude, where=where, crop=crop)


def is_paged_through_or_refused(
    client: TestClient, kind: str, mode: str, *, exclude: bool, where: bool, crop: bool
) -> None:
    query = query_of(kind, mode, exclude=exclude, where=where, crop=crop)
    refused = meaningless(kind, mode, exclude, crop)
    whole = client.post("/v1/search", json={**query, "limit": 50})
    if refused:
        assert problem(whole) == (422, "invalid_request")
        assert whole.json()["errors"][0]["code"] == refused
        return
    names = found(whole)
    assert ("black" in names) == (not where)
    assert ("red" in names) == (kind != "stored")
    addresses = ["json"] if kind == "stored" else ["json", "form"]
    for address in addresses:
        pages: list[str] = []
        cursor: str | None = None
        while cursor is not None or not pages:
            part = {**query, "limit": 2, **({"cursor": cursor} if cursor else {})}
            is_form = address == "form"
            page = as_form(client, part) if is_form else client.post("/v1/search", json=part)
            pages, cursor = pages + found(page), page.json()["next_cursor"]
        assert pages == names


def test_a_hybrid_search_fuses_what_the_picture_and_its_changes_are_like_with_their_words(
    client: TestClient,
) -> None:
    query = QUERIES["composed"]
    composed = found(client.post("/v1/search", json=query))
    worded = found(client.post("/v1/search", json={"text": "green white field", "mode": "words"}))
    hybrid = client.post("/v1/search", json={**query, "mode": "hybrid"}).json()
    assert (hybrid["kind"], hybrid["composer"]) == ("composed", "sum")
    for hit in hybrid["hits"]:
        name = hit["path"].split(".")[0]
        places = [ranking.index(name) + 1 for ranking in (composed, worded) if name in ranking]
        assert hit["score"] == pytest.approx(sum(1 / (60 + place) for place in places))


def test_the_form_is_documented_whole() -> None:
    described = UPLOAD_BODY["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(described) == set(SearchRequest.model_fields)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
LIKELY = {
    "text": st.sampled_from(["red", ["green"], ["green", "blue"], "", "a walrus", "\ud800"]),
    "image": st.sampled_from([{"id": IDS["red"]}, {"id": "0" * 32}, {"base64": "AAAA"}, {}]),
    "limit": st.integers(-1, 1001),
    "mode": st.sampled_from([*MODES, "fuzzy"]),
    "min_score": st.floats(),
    "filter": st.sampled_from([FILTER, {"field": "x", "eq": True}, {"and": [FILTER] * 3}, {}]),
    "exclude": st.sampled_from([EXCLUDE, [], [{"image": {"id": IDS["blue"]}}], [{}]]),
    "crop": st.sampled_from([CROP, [0, 0, 0, 0], [0.1, 0.1, 0.9, 0.9]]),
    "composer": st.sampled_from([{"name": "sum"}, {"name": "slerp", "weight": 2}, {"name": "no"}]),
}
ONCE = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def answered_or_the_callers(answer: Answer) -> None:
    if answer.status_code != 200:
        status, code = problem(answer)
        assert 400 <= status < 500 and code != "internal_error"


@ONCE
@given(body=JSON)
def test_any_json_is_answered_or_a_problem_of_the_callers(client: TestClient, body: object) -> None:
    content = json.dumps(body).encode()
    sent = {"Content-Type": "application/json"}
    answered_or_the_callers(client.post("/v1/search", content=content, headers=sent))


@ONCE
@given(st.fixed_dictionaries({}, optional={n: of | JSON for n, of in LIKELY.items()}))
def test_any_query_is_answered_or_a_problem_of_the_callers(
    client: TestClient, query: dict[str, object]
) -> None:
    content = json.dumps(query).encode()
    sent = {"Content-Type": "application/json"}
    answered_or_the_callers(client.post("/v1/search", content=content, headers=sent))


@ONCE
@given(st.fixed_dictionaries({}, optional={n: of | JSON for n, of in LIKELY.items()}))
def test_any_form_is_answered_or_a_problem_of_the_callers(
    client: TestClient, query: dict[str, Any]
) -> None:
    form = {name: (None, json.dumps(value)) for name, value in query.items()}
    answered_or_the_callers(client.post("/v1/search/upload", files=form or {"text": (None, "red")}))
