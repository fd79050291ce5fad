import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.routes.page import STATIC, WEB
from service.schemas.search import SearchRequest

PAGES = {"index.html": "/", "docs.html": "/docs"}
FILES = sorted(
    path.name for path in WEB.iterdir() if path.suffix not in {".py", ".pyc"} and path.is_file()
)
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


def read(name: str) -> str:
    return (Path(WEB) / name).read_text()


@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_page_is_served(client: TestClient, name: str) -> None:
    response = client.get(PAGES.get(name, f"/static/{name}"))
    assert response.status_code == 200
    assert response.text == read(name)
    expected = STATIC.get(name, "text/html")
    assert response.headers["content-type"].startswith(expected)


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_outside(name: str) -> None:
    text = read(name).replace(SVG_NAMESPACE, "")
    # a script may put in an address that it has made itself; the policy sees to that one
    assert not re.search(r"(https?:)?//[\w.-]+\.\w+/|@import|url\((?!\"\$\{this)", text)


@pytest.mark.parametrize("name", PAGES)
def test_pages_hold_nothing_that_their_policy_forbids(name: str) -> None:
    html = read(name)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", html)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_what_a_collection_says_is_shown_as_text(name: str) -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", read(name)
    )


@pytest.mark.parametrize("script", [name for name in FILES if name.endswith(".js")])
def test_a_script_finds_every_element_that_it_asks_for(script: str) -> None:
    page = "docs.html" if script == "docs.js" else "index.html"
    asked = set(re.findall(r'(?:\$|getElementById)\("([\w-]+)"\)', read(script)))
    assert asked <= set(re.findall(r'id="([\w-]+)"', read(page)))


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_a_script_is_short_enough_to_be_read(name: str) -> None:
    assert read(name).count("\n") < 300


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_what_a_script_imports_is_served(name: str) -> None:
    imported = set(re.findall(r"""(?:from|import\()\s*["']\./([^"']+)["']""", read(name)))
    assert imported <= set(FILES)


def test_the_api_is_described(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    }
    assert operations == {
        "POST /v1/search",
        "POST /v1/search/upload",
        "POST /v1/embeddings",
        "POST /v1/pictures",
        "GET /v1/pictures/{handle}/thumbnail",
        "GET /v1/images",
        "POST /v1/images",
        "GET /v1/jobs/{job_id}",
        "GET /v1/facets",
        "GET /v1/overview",
        "GET /v1/images/{item_id}",
        "DELETE /v1/images/{item_id}",
        "GET /v1/images/{item_id}/file",
        "GET /v1/images/{item_id}/thumbnail",
        "GET /v1/images/{item_id}/heatmap",
        "GET /v1/collection",
        "GET /v1/models",
        "GET /v1/models/{model}",
        "POST /v1/session",
        "DELETE /v1/session",
        "GET /livez",
        "GET /readyz",
    }


def test_operations_say_whether_they_ask_for_a_key(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"key", "bearer", "session"}
    for path, item in document["paths"].items():
        for operation in item.values():
            is_open = path in {"/livez", "/readyz", "/v1/session"}
            asked: list[dict[str, list[str]]] = [{"key": []}, {"bearer": []}, {"session": []}]
            assert operation.get("security", []) == ([] if is_open else asked)


def test_every_operation_names_its_problems_media_type(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for item in document["paths"].values():
        for operation in item.values():
            assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}


def test_the_description_is_the_same_every_time(client: TestClient) -> None:
    assert client.get("/openapi.json").content == client.get("/openapi.json").content


def test_the_examples_are_queries_that_would_be_taken(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    examples = schemas["SearchRequest"]["examples"]
    assert [SearchRequest.model_validate(each).kind for each in examples] == [
        "text",
        "image",
        "composed",
        "text",
    ]
