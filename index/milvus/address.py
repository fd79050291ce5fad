"""Where a collection is in Milvus, as people write it.

    milvus://HOST[:PORT]/[DATABASE/]NAME      a server; 19530 unless another port is given
    milvus+tls://HOST[:PORT]/...              the same, encrypted
    milvus:///PATH/TO/FILE.db/NAME            a file of Milvus Lite, for one process at a time

NAME is an alias that `pictor publish` points at the latest generation. `?consistency=bounded` reads
what replicas of Milvus have rather than waiting for the latest change. Credentials never stand in
an address, since addresses are logged. Raises InputError for what is none of these.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from models.errors import InputError

PORT = 19530
SCHEMES = {"milvus": "http", "milvus+tls": "https"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
CONSISTENCIES = {"strong": "Strong", "session": "Session", "bounded": "Bounded"}
FORM = "expected milvus://HOST:PORT/NAME, or milvus:///PATH/TO/FILE.db/NAME"


@dataclass(frozen=True)
class Address:
    text: str
    uri: str  # as pymilvus takes it
    name: str
    database: str = ""
    consistency: str = "Strong"

    def __str__(self) -> str:
        return self.text


def is_address(text: str) -> bool:
    return text.partition("://")[0] in SCHEMES


def parse_address(text: str) -> Address:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InputError(f"{text}: {error}; {FORM}") from error
    if parts.scheme not in SCHEMES:
        raise InputError(f"{text}: {FORM}")
    if parts.username or parts.password:
        raise InputError("credentials stand in no address: give them as PICTOR_MILVUS_TOKEN")
    place, _, name = parts.path.rpartition("/")
    if not NAME.fullmatch(name):
        raise InputError(f"{text}: {name!r} is no name of letters, digits and _; {FORM}")
    consistency = _consistency(text, parts.query)
    if not parts.hostname:
        if not place.endswith(".db"):
            raise InputError(f"{text}: {FORM}")
        return Address(text, place, name, consistency=consistency)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    uri = f"{SCHEMES[parts.scheme]}://{host}:{port or PORT}"
    return Address(text, uri, name, place.strip("/"), consistency)


def _consistency(text: str, query: str) -> str:
    options = dict(parse_qsl(query, keep_blank_values=True))
    level = options.pop("consistency", "strong")
    if options or level not in CONSISTENCIES:
        raise InputError(f"{text}: the only option is consistency={'|'.join(CONSISTENCIES)}")
    return CONSISTENCIES[level]
