"""Sessions of browsers, whose <img> tags cannot send a key: a signed cookie in its place.

A token is KEY_ID.EXPIRES.NONCE.SIGNATURE. It is good until it expires, at most as long as its key,
and for no longer than its key: one that is revoked ends its sessions with it. The signature's
secret is never on disk, so that a stolen file of keys makes no session. Without one that replicas
share it lives and ends with this process.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from service.access.keyring import Keyring
from service.access.keys import Key
from service.errors import KeyRefusedError, NoKeysError

COOKIE = "pictor_session"
SECRET_BYTES = 32
NONCE_BYTES = 16


@dataclass(frozen=True)
class Session:
    token: str
    expires_at: datetime  # UTC


class Sessions:
    def __init__(
        self,
        keyring: Keyring,
        lasting_s: float,
        secret: bytes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keyring = keyring
        self._lasting_s = lasting_s
        self._secret = secret or secrets.token_bytes(SECRET_BYTES)
        self._clock = clock
        self._ended: dict[str, int] = {}  # nonces of those that were logged out of, until they end

    def key_of(self, text: str) -> Key:
        """The key that this is; raises NoKeysError where there are none, or KeyRefusedError."""
        if not self._keyring.in_force:
            raise NoKeysError("this server asks for no key, so that there are no sessions")
        key = self._keyring.find(text)
        if key is None:
            raise KeyRefusedError("this key is not good, or not any more")
        return key

    def begin(self, key: Key) -> Session:
        expires = self._clock() + self._lasting_s
        if key.expires_at is not None:
            expires = min(expires, key.expires_at.timestamp())
        stated = f"{key.id}.{int(expires)}.{secrets.token_hex(NONCE_BYTES)}"
        expires_at = datetime.fromtimestamp(int(expires), UTC)
        return Session(f"{stated}.{self._signature(stated, key)}", expires_at)

    def find(self, token: str) -> Key | None:
        """The key whose session this is, if both are good now."""
        stated, _, signature = token.rpartition(".")
        key = self._keyring.get(stated.partition(".")[0])
        if key is None or not hmac.compare_digest(
            self._signature(stated, key).encode(), signature.encode(errors="replace")
        ):
            return None
        _, expires, nonce = stated.split(".")  # signed, so it is of our making
        return None if int(expires) <= self._clock() or nonce in self._ended else key

    def end(self, token: str) -> None:
        """It is good for nothing from now on, for whoever else may have it; others are ignored."""
        if self.find(token) is None:
            return
        now = self._clock()
        self._ended = {nonce: expires for nonce, expires in self._ended.items() if expires > now}
        _, expires, nonce, _ = token.split(".")
        self._ended[nonce] = int(expires)

    def _signature(self, stated: str, key: Key) -> str:
        said = f"session {stated} {key.sha256}".encode(errors="replace")
        signed = hmac.digest(self._secret, said, hashlib.sha256)
        return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def session_secret(cursor_key: SecretStr | None) -> bytes | None:
    """Of the first of the keys that replicas share to sign cursors with."""
    if cursor_key is None:
        return None
    first = cursor_key.get_secret_value().split(",")[0].strip()
    return hmac.digest(first.encode(), b"sessions", hashlib.sha256)
