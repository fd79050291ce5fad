"""Examples for the OpenAPI document, by operation and media type; a test sends every one of them.

An id, a key, a handle, a job and a model in them stand for those of one's own collection; a file in
a form is left out, as JSON cannot hold one.
"""

from typing import Any

from service.schemas.bodies import JSON, MULTIPART
from service.schemas.pictures import EXAMPLE_HANDLE, EXAMPLE_ID

# the smallest picture: one red pixel, as PNG
RED_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC"
)
EXAMPLE_KEY = "the-key-that-pictor-keys-printed"
EXAMPLE_JOB = "0123456789abcdef0123456789abcdef"
EXAMPLE_MODEL = "starter"

Bodies = dict[str, dict[str, Any]]  # by media type, then by name

BODIES: dict[tuple[str, str], Bodies] = {
    ("post", "/v1/search"): {
        JSON: {
            "text": {"text": "two dogs in snow"},
            "image": {"image": {"id": EXAMPLE_ID}, "limit": 50},
            "sent image": {"image": {"base64": RED_PIXEL}},
            "kept image": {"image": {"handle": EXAMPLE_HANDLE}, "text": "at night"},
            "composed": {
                "image": {"id": EXAMPLE_ID},
                "text": "at night",
                "composer": {"name": "slerp", "weight": 0.5},
            },
            "without people": {
                "text": "a beach",
                "exclude": [{"text": "people", "weight": 0.5}],
                "filter": {"field": "taken_at", "gte": "2023-05", "lt": "2023-09"},
            },
            "by words": {"text": "IMG_2041", "mode": "words"},
        }
    },
    ("post", "/v1/search/upload"): {
        MULTIPART: {
            "image": {"limit": 10},
            "composed": {"text": ["at night"], "composer": '{"name": "slerp", "weight": 0.4}'},
            "text": {"text": ["two dogs in snow"], "mode": "hybrid"},
        }
    },
    ("post", "/v1/images"): {
        JSON: {
            "one": {
                "images": [
                    {
                        "base64": RED_PIXEL,
                        "name": "trip/dot.png",
                        "caption": "a red dot",
                        "metadata": {"tags": ["dot"], "stars": 4},
                    }
                ]
            }
        },
        MULTIPART: {"one": {"caption": ["a red dot"], "metadata": ['{"stars": 4}']}},
    },
    ("post", "/v1/embeddings"): {
        JSON: {
            "text": {"input": "two dogs in snow"},
            "several": {"input": ["two dogs in snow", "a beach"], "encoding_format": "base64"},
            "picture": {"input": {"image": {"base64": RED_PIXEL}}, "model": EXAMPLE_MODEL},
        }
    },
    ("post", "/v1/pictures"): {MULTIPART: {"one": {}}},
    ("post", "/v1/session"): {JSON: {"key": {"key": EXAMPLE_KEY}}},
}
PARAMETERS: dict[str, str] = {
    "item_id": EXAMPLE_ID,
    "handle": EXAMPLE_HANDLE,
    "job_id": EXAMPLE_JOB,
    "model": EXAMPLE_MODEL,
}


def illustrate(document: dict[str, Any]) -> None:
    """Puts the examples where the document has the operations."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            for media_type, named in BODIES.get((method, path), {}).items():
                content[media_type]["examples"] = {
                    name: {"value": value} for name, value in named.items()
                }
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in PARAMETERS:
                    parameter["example"] = PARAMETERS[parameter["name"]]
