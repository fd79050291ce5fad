"""What each route asks of a caller's key. A route that is not listed asks for the most.

`open` asks for nothing; `read` and `write` for a key of that scope; `metrics` for `read`, unless
the caller is this machine or the settings say otherwise. A test walks all routes and fails on one
that is not here.
"""

from collections.abc import Mapping
from typing import Literal

from starlette.routing import compile_path

Need = Literal["open", "read", "write", "metrics"]
OPEN: Need = "open"
READ: Need = "read"
WRITE: Need = "write"
METRICS: Need = "metrics"

ROUTES: Mapping[tuple[str, str], Need] = {
    ("GET", "/"): OPEN,
    ("GET", "/docs"): OPEN,
    ("GET", "/static/{name}"): OPEN,
    ("GET", "/openapi.json"): OPEN,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("POST", "/v1/session"): OPEN,  # asks for the key in its own way
    ("DELETE", "/v1/session"): OPEN,
    ("GET", "/metrics"): METRICS,
    ("POST", "/v1/search"): READ,
    ("POST", "/v1/search/upload"): READ,
    ("POST", "/v1/embeddings"): READ,
    ("POST", "/v1/pictures"): READ,
    ("GET", "/v1/pictures/{handle}/thumbnail"): READ,
    ("GET", "/v1/collection"): READ,
    ("GET", "/v1/models"): READ,
    ("GET", "/v1/models/{model:path}"): READ,
    ("GET", "/v1/facets"): READ,
    ("GET", "/v1/overview"): READ,
    ("GET", "/v1/images"): READ,
    ("GET", "/v1/images/{item_id}"): READ,
    ("GET", "/v1/images/{item_id}/file"): READ,
    ("GET", "/v1/images/{item_id}/thumbnail"): READ,
    ("GET", "/v1/images/{item_id}/heatmap"): READ,
    ("POST", "/v1/images"): WRITE,
    ("DELETE", "/v1/images/{item_id}"): WRITE,
    ("GET", "/v1/jobs/{job_id}"): WRITE,
}


_LITERAL = {route: need for route, need in ROUTES.items() if "{" not in route[1]}
_PATTERNS = [
    (method, compile_path(template)[0], need)
    for (method, template), need in ROUTES.items()
    if "{" in template
]


def needed(method: str, path: str) -> Need:
    method = "GET" if method == "HEAD" else method
    literal = _LITERAL.get((method, path))
    if literal is not None:
        return literal
    for route_method, pattern, need in _PATTERNS:
        if method == route_method and pattern.fullmatch(path):
            return need
    return WRITE


def methods_of(path: str) -> list[str]:
    """Those that some route of this path takes."""
    literal = {method for method, template in _LITERAL if template == path}
    return sorted(literal | {method for method, it, _ in _PATTERNS if it.fullmatch(path)})
