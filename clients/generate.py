"""The clients' generated files, from the OpenAPI document: python clients/generate.py

`openapi.json`, from which `npm run generate` makes the TypeScript types, and the Python client's
models. A test fails when they are not what the service says.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI

CLIENTS = Path(__file__).parent
DOCUMENT = CLIENTS / "openapi.json"
MODELS = CLIENTS / "python" / "pictor_client" / "models.py"

HEAD = '''"""What a server answers. Generated from its OpenAPI document by clients/generate.py."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as made
from typing import Any, Literal
'''
TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def document() -> dict[str, Any]:
    """As every server has it, of no version: a release changes no client."""
    from service.app import ROUTES  # noqa: PLC0415  torch, which not every caller needs
    from service.openapi import RESPONSES, describe  # noqa: PLC0415

    app = FastAPI(title="Pictor", version="1", responses=RESPONSES)
    for routes in ROUTES:
        app.include_router(routes.router)
    describe(app)
    return app.openapi()


def models(document: Mapping[str, Any]) -> str:
    """Python's text: one frozen dataclass a schema that is answered, named as it is."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    wanted = sorted(_answered(document))
    return "\n\n".join([HEAD, *(_model(name, schemas[name]) + "\n" for name in wanted)])


def _answered(document: Mapping[str, Any]) -> set[str]:
    schemas, found, waiting = document["components"]["schemas"], set[str](), set[str]()
    for operations in document["paths"].values():
        for operation in operations.values():
            waiting |= _referred(operation["responses"])
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= _referred(schemas[name]) - found
    return found


def _referred(content: object) -> set[str]:
    if isinstance(content, Mapping):
        own = {content["$ref"].rpartition("/")[2]} if "$ref" in content else set()
        return own.union(*map(_referred, content.values()))
    if isinstance(content, list):
        return set().union(*map(_referred, content))
    return set()


def _model(name: str, schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    lines = ["@dataclass(frozen=True, kw_only=True)", f"class {name}:"]
    if "description" in schema:
        lines += [f'    """{schema["description"]}"""', ""]
    for field, each in schema["properties"].items():
        default = "" if field in required else f" = {_default(each)}"
        lines.append(f"    {field}: {_type(each)}{default}")
    return "\n".join(lines)


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    if "$ref" in schema:
        # a class that may stand further below
        return f"made(default_factory=lambda: {_type(schema)}())  # noqa: PLW0108"
    if isinstance(default, dict | list):
        return f"made(default_factory={type(default).__name__})"
    return "None" if default is None else json.dumps(default).replace("true", "True")


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values:
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    kind = schema.get("type")
    if kind == "array":
        return f"list[{_type(schema['items'])}]"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"dict[str, {_type(inner) if isinstance(inner, dict) and inner else 'Any'}]"
    return TYPES[kind] if isinstance(kind, str) else "Any"


def text_of(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(CLIENTS.parent))
    described = document()
    DOCUMENT.write_text(text_of(described))
    MODELS.write_text(models(described))
