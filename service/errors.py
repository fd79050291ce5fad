"""What can go wrong in serving and nowhere else; `service/problems.py` gives each its status."""

from typing import Any

from models.errors import GoneError, InputError, PictorError


class BusyError(PictorError):
    """Not now: the caller should come back, in about so many seconds."""

    def __init__(self, why: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class OverloadedError(BusyError):
    """As many requests wait as may."""


class UnavailableError(BusyError):
    """A part of the server is gone, for good or until another has taken its place."""


class UnknownModelError(InputError):
    """A model that this server doesn't serve."""


class FetchingOffError(InputError):
    """A picture is named by its address, and this server fetches none."""


class AddressRefusedError(InputError):
    """An address that this server does not fetch from."""


class FetchFailedError(InputError):
    """A picture did not come from where it was said to be."""


class HandleGoneError(GoneError):
    """A handle whose picture is not kept any more, or never was."""


class UnknownJobError(InputError):
    """A job that is not known, or not any more."""


class NothingAddedError(PictorError):
    """Of several pictures not one could be added; `why` is of all of them."""

    def __init__(self, why: PictorError, images: list[dict[str, Any]]) -> None:
        super().__init__(str(why))
        self.why = why
        self.images = images


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
