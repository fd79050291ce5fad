"""Keys that callers show, and what is kept of them.

A key is `pictor_ID_SECRET`: the id, 8 hex digits, names it in lists and logs; the secret is 256
random bits. Only the SHA-256 of the whole is kept. A slow hash, as for passwords, protects what
people choose and others can guess; nobody guesses 256 random bits, however quick a guess is, and a
slow hash would be paid by every request. Comparisons take the same time wherever two keys differ.

make_key(name, scopes) -> (what is kept, the key itself, which is nowhere else). Raises InputError
for a name, scope or time that cannot be.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from models.errors import InputError

Scope = Literal["read", "write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

ID_BYTES, SECRET_BYTES = 4, 32
SHOWN = re.compile(r"pictor_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
NOBODYS = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Key:
    id: str
    name: str
    scopes: frozenset[Scope]
    sha256: str  # of the whole key, in hex
    created_at: datetime  # UTC
    expires_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def described(self) -> dict[str, Any]:
        """All but the hash, as JSON has it."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": sorted(self.scopes),
            "created_at": self.created_at.isoformat(),
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


def make_key(
    name: str, scopes: Collection[Scope], expires_at: datetime | None = None
) -> tuple[Key, str]:
    if not NAME.fullmatch(name) or name != name.strip():
        raise InputError(f"{name!r}: expected a name of 1 to 64 visible characters")
    if not scopes:
        raise InputError(f"expected a scope: {', '.join(SCOPES)}")
    now = datetime.now(UTC).replace(microsecond=0)
    if expires_at is not None and expires_at <= now:
        raise InputError(f"{expires_at:%Y-%m-%d %H:%M} UTC: this time has passed")
    id_ = secrets.token_hex(ID_BYTES)
    text = f"pictor_{id_}_{secrets.token_urlsafe(SECRET_BYTES)}"
    return Key(id_, name, frozenset(scopes), digest(text), now, expires_at), text


def scopes_of(names: Collection[str]) -> frozenset[Scope]:
    unknown = set(names) - set(SCOPES)
    if unknown:
        raise InputError(f"{sorted(unknown)[0]!r}: no scope; expected {' or '.join(SCOPES)}")
    return frozenset(scope for scope in SCOPES if scope in names)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def id_in(text: str) -> str | None:
    """The id that a key names; None for what is no key's form."""
    match = SHOWN.fullmatch(text)
    return match[1] if match else None


def hidden(text: str) -> str:
    """The text, with no more of any key in it than its id."""
    return SHOWN.sub(r"pictor_\1_***", text)


def is_key(text: str, key: Key | None) -> bool:
    """Takes the same time for a key that nobody has."""
    same = hmac.compare_digest(digest(text), key.sha256 if key else NOBODYS)
    return same and key is not None


def parse_expiry(text: str, now: datetime) -> datetime:
    """30m, 12h or 90d from now, or the day or moment itself: 2027-01-31, 2027-01-31T18:00+01:00."""
    span = SPAN.fullmatch(text.strip())
    if span:
        return now.replace(microsecond=0) + timedelta(**{UNITS[span[2]]: int(span[1])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(f"{text!r}: expected 30m, 12h, 90d or a date as 2027-01-31") from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
