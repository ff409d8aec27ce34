"""The token file as people write it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.catalog.faults import shown, wrong
from agent.catalog.validation import Written
from agent.model.principal import Role

RESERVED = frozenset({"agent", "local"})
"""Names that records use for the agent itself and for whoever reaches loopback."""
MOST_TOKENS = 2
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_TOKENS = ("token", "token_sha256", "token_file")
_KEYS = ("signing_key_file", "signing_key_env", "webhook_secret_file", "webhook_secret_env")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        remedy = "use letters, digits and . _ @ -, at most 64"
        raise wrong(f"{shown(text)} cannot be the name of a principal", remedy)
    if text.lower() in RESERVED:
        raise wrong(f"the name {shown(text)} is reserved", "choose another name")
    return text


def _secret(value: object) -> object:
    if not isinstance(value, str):
        raise wrong("a token has to be text", "quote it")
    return value


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        remedy = "write the 64 hexadecimal digits of `printf %s TOKEN | sha256sum`"
        raise wrong("this is not a SHA-256 digest", remedy)
    return text.lower()


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        remedy = "write it with its zone, like 2030-06-30T00:00:00Z"
        raise wrong(f"{shown(text)} is not a moment", remedy)
    return text


Token = Annotated[str, BeforeValidator(_secret)] | None
Digest = Annotated[str, AfterValidator(_digest), BeforeValidator(_secret)] | None


Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class TokenDocument(Written):
    """One of a principal's tokens. Two of them overlap while one replaces the other."""

    token: Token = None
    token_sha256: Digest = None
    token_file: str | None = None
    not_after: Annotated[str, AfterValidator(_moment)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> TokenDocument:
        if sum(getattr(self, form) is not None for form in _TOKENS) != 1:
            raise wrong("a token is given in one form", f"give one of {', '.join(_TOKENS)}")
        return self

    @property
    def ends_at(self) -> float | None:
        """Seconds since 1970."""
        return datetime.fromisoformat(self.not_after).timestamp() if self.not_after else None


class PrincipalDocument(Written):
    name: Annotated[str, AfterValidator(_name)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    products: tuple[str, ...] = ()
    token: Token = None
    token_sha256: Digest = None
    token_file: str | None = None
    tokens: Annotated[tuple[TokenDocument, ...], Field(min_length=1, max_length=MOST_TOKENS)] = ()
    signing_key_file: str | None = None
    signing_key_env: Variable | None = None
    webhook_secret_file: str | None = None
    """What GitHub and Flux sign with: any text of 16 characters or more."""
    webhook_secret_env: Variable | None = None
    slack_user: Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")] | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> PrincipalDocument:
        proofs = (*_TOKENS, "tokens", *_KEYS)
        given = [name for name in proofs if getattr(self, name)]
        if len(given) > 1 or not (given or self.slack_user):
            message = "has no token" if not given else "has more than one token"
            remedy = f"give one of {', '.join(proofs)}"
            raise wrong(f"principal {shown(self.name)} {message}", remedy)
        if any(name in _KEYS for name in given) and Role.SENDER not in self.roles:
            message = f"principal {shown(self.name)} signs messages and is no sender"
            raise wrong(message, "add the role sender, or give a token")
        return self

    def each_token(self) -> list[tuple[tuple[str | int, ...], TokenDocument]]:
        """Where each of the tokens stands within the row, and the token."""
        if self.tokens:
            return [(("tokens", at), each) for at, each in enumerate(self.tokens)]
        if not any(getattr(self, form) is not None for form in _TOKENS):
            return []
        one = TokenDocument(
            token=self.token, token_sha256=self.token_sha256, token_file=self.token_file
        )
        return [((), one)]


class PeopleDocument(Written):
    principals: Annotated[tuple[PrincipalDocument, ...], Field(min_length=1)]
