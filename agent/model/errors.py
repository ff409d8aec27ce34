"""Errors by blame. The docstring of each is its message where none is given."""

from __future__ import annotations


class HomeostatError(Exception):
    """Something went wrong inside Homeostat."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Temporary(HomeostatError):
    """A plugin could not do it now; trying again later makes sense."""

    def __init__(self, reason: str, *, after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class Permanent(HomeostatError):
    """A plugin cannot do it; trying again makes no sense."""


class UnknownEffect(HomeostatError):
    """The action was sent, and whether it happened is not known."""


class Unparseable(HomeostatError):
    """What a sender sent cannot be read; it is kept in quarantine."""

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class StoreUnavailable(HomeostatError):
    """The store cannot write now; nothing was acknowledged."""


class AlreadyRunning(HomeostatError):
    """Another Homeostat runs on this store."""
