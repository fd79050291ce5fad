"""What adding takes and answers, for the OpenAPI document: a form is read by hand."""

from typing import Any

from service.schemas.adding import MAX_IMAGES, AddAnswer, ImageToAdd, JobAnswer
from service.schemas.bodies import JSON, MULTIPART

ADD_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        MULTIPART: {
            "schema": {
                "type": "object",
                "required": ["image"],
                "properties": {
                    "image": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "string", "format": "binary"},
                    },
                    "caption": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "One for each image, in their order, or none.",
                    },
                    "metadata": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "As JSON objects; one for each image, or none.",
                        "examples": [['{"stars": 4}']],
                    },
                },
            },
            "encoding": {"image": {"contentType": "image/*"}},
        },
        JSON: {
            "schema": {
                "type": "object",
                "required": ["images"],
                "additionalProperties": False,
                "properties": {
                    "images": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_IMAGES,
                        "items": ImageToAdd.model_json_schema(),
                    }
                },
            }
        },
    },
}
ADD_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": AddAnswer, "description": "All were there already."},
    201: {"model": AddAnswer, "description": "Added, durable, and found by every search."},
    202: {"model": JobAnswer, "description": "Taken, durable; to be followed at `url`."},
}
