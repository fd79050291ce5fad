"""Cursors that only this service could have made.

A sealed text is the text, a dot, and the HMAC-SHA256 of its purpose and itself, base64url. The tag
is compared as text and in constant time, so that no other spelling of a cursor is taken. The first
key seals and every key opens: a key is changed without refusing anybody by putting the new one
first and leaving the old one beside it for as long as people turn pages.

Raises CursorError for what was sealed for another purpose, with another key, or not at all.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import SecretStr

from models.errors import CursorError

KEPT = "cursors"
Purpose = Literal["vectors", "words", "images"]


class Seals:
    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def made_of(cls, setting: SecretStr | None, kept_key: Callable[[str], bytes]) -> "Seals":
        """Of the setting's keys, separated by commas; of the key that the collection keeps where
        there are none."""
        given = setting.get_secret_value().split(",") if setting else []
        return cls([key.strip().encode() for key in given] or [kept_key(KEPT)])

    def sealed(self, purpose: Purpose, text: str | None) -> str | None:
        """None, which is no cursor, stays None."""
        return None if text is None else f"{text}.{_tag(self._keys[0], purpose, text)}"

    def opened(self, purpose: Purpose, sealed: str) -> str:
        text, _, tag = sealed.rpartition(".")
        # what a client sends may hold what UTF-8 cannot
        given = tag.encode(errors="surrogatepass")
        # all are compared, whichever fits
        fits = [hmac.compare_digest(_tag(k, purpose, text).encode(), given) for k in self._keys]
        if not any(fits):
            raise CursorError("cursor: not one that this server gave for such a request")
        return text


def _tag(key: bytes, purpose: str, text: str) -> str:
    said = f"{purpose}\0{text}".encode(errors="surrogatepass")
    return base64.urlsafe_b64encode(hmac.digest(key, said, hashlib.sha256)).decode().rstrip("=")
