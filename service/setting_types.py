"""Settings of several values, and names that stand for none.

Lists are written with commas. Raises ValueError, which pydantic tells of, for a network or an
origin that is none, and InputError for a PICTOR_ variable that is no setting.
"""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from models.errors import InputError

PREFIX = "PICTOR_"
ORIGIN = re.compile(r"https?://[^/?#@*\s]+", re.IGNORECASE)
# read by the tests, and by nothing else
OF_TESTS = ("PICTOR_TEST_", "PICTOR_MAGICLENS_REFERENCE")


def separated(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    """A single address is a network of one."""
    return tuple(str(ip_network(value)) for value in values)


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not ORIGIN.fullmatch(value):
            raise ValueError(f"{value!r}: expected an origin as https://pictures.example:8443")
    return tuple(value.lower() for value in values)


def _lower(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.lower() for value in values)


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(separated)]
HostNames = Annotated[Listed, AfterValidator(_lower)]
Networks = Annotated[Listed, AfterValidator(_networks)]
Origins = Annotated[Listed, AfterValidator(_origins)]


def refuse_unknown(variables: Iterable[str], settings: Collection[str]) -> None:
    """A variable that is mistyped would leave its setting at its default, unseen."""
    known = {f"{PREFIX}{name.upper()}" for name in settings}
    for variable in sorted(variables):
        name = variable.upper()
        if name.startswith(PREFIX) and name not in known and not name.startswith(OF_TESTS):
            nearest = get_close_matches(name, known, n=1, cutoff=0)
            raise InputError(f"{variable}: no such setting; the nearest is {nearest[0]}")
