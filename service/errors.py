"""What can go wrong in serving and nowhere else; `service/problems.py` gives each its status."""

from models.errors import InputError, PictorError


class OverloadedError(PictorError):
    """As many requests wait as may; the caller should come back later."""


class UnavailableError(PictorError):
    """A part of the server has stopped for good, or never started."""


class UnknownModelError(InputError):
    """A model that this server doesn't serve."""


class KeyRefusedError(PictorError):
    """A key that is not good, or not any more."""


class NoKeysError(PictorError):
    """A session was asked for where nobody needs one."""


class NotReadyError(PictorError):
    """Some of the server's parts do not answer; `checks` says which, by name."""

    def __init__(self, checks: dict[str, str]) -> None:
        failed = ", ".join(name for name, state in checks.items() if state != "ok")
        super().__init__(f"not ready: {failed}")
        self.checks = checks
