"""The TypeScript client: its types are those of the document, and every operation is there."""

import json
import re
import shutil
import subprocess

import pytest

from clients import generate

CLIENT = generate.CLIENTS / "typescript"
DOCUMENT = json.loads(generate.DOCUMENT.read_text())
INSTALLED = (CLIENT / "node_modules" / "openapi-typescript").is_dir() and shutil.which("npm")


def test_every_operation_of_the_document_is_asked_for() -> None:
    source = (CLIENT / "src" / "index.ts").read_text()
    asked = {
        (method.lower(), re.sub(r"\$\{encodeURI\w+\(\w+\)}", "*", path).partition("${")[0])
        for method, path in re.findall(r'"(GET|POST|DELETE)", ["`](/[^"`]*)', source)
    }
    documented = {
        (method, re.sub(r"{\w+}", "*", path))
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }
    assert asked == documented


def test_the_types_have_every_path_and_every_schema_with_its_fields() -> None:
    types = (CLIENT / "src" / "schema.ts").read_text()
    assert all(f'"{path}": {{' in types for path in DOCUMENT["paths"])
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if "properties" in schema:
            found = re.search(rf"^        {name}: {{\n(.*?)^        }};", types, re.DOTALL | re.M)
            assert found is not None, name
            fields = set(re.findall(r'^            "?(\w+)"?\??:', found[1], re.M))
            assert fields == set(schema["properties"]), name


@pytest.mark.skipif(not INSTALLED, reason="npm install --no-package-lock in clients/typescript")
def test_the_types_are_current_and_everything_compiles() -> None:
    ran = subprocess.run(
        ["npm", "run", "check"], cwd=CLIENT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_address_of_a_download_is_kept() -> None:
    assert "package-lock.json" in (CLIENT / ".gitignore").read_text().split()
