"""A client of Pictor's REST interface, sync and async. Needs httpx2 and nothing else."""

from pictor_client.asynchronous import AsyncPictor
from pictor_client.calls import NewImage
from pictor_client.client import Pictor
from pictor_client.errors import PictorError, ProblemError, UnreachableError
from pictor_client.sending import Retries

__all__ = [
    "AsyncPictor",
    "NewImage",
    "Pictor",
    "PictorError",
    "ProblemError",
    "Retries",
    "UnreachableError",
]
