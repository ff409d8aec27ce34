"""A token file that cannot be read must not mean that no token is needed."""

from __future__ import annotations

from agent.catalog.settings import Settings
from agent.model.errors import HomeostatError
from agent.runtime.reading import Reading


class UnusableTokens(HomeostatError):
    """Tokens are configured and nobody could be proven by them."""


def check_tokens(*, settings: Settings, reading: Reading) -> None:
    """Raises UnusableTokens, with what is wrong with the file."""
    if settings.tokens_file is not None and reading.principals is None:
        why = [str(f) for f in reading.faults if f.file == str(settings.tokens_file)]
        raise UnusableTokens("\n".join(["the token file cannot be used", *why]))
