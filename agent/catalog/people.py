"""Who may do what, by token.

Tokens are kept as SHA-256 digests only, and a presented one is compared with every digest in
constant time: how long an answer takes says nothing about how much of a token was right. No fault
and no representation shows a token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.catalog.document import Document
from agent.catalog.faults import FaultsError, raise_errors, shown, wrong
from agent.catalog.files import fault_of_file, is_open_to_all, read_bytes, read_secret
from agent.catalog.strict_yaml import parse, validate
from agent.catalog.validation import Written
from agent.model.fault import Fault, FaultSeverity
from agent.model.principal import Principal, Role

PEOPLE = "HS430"
DUPLICATE = "HS431"
SHORT = "HS432"
OPEN_TO_ALL = "HS433"
TOKEN_FILE = "HS434"

RESERVED = frozenset({"agent", "local"})
"""Names that records use for the agent itself and for whoever reaches loopback."""
SHORTEST_TOKEN = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


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


class PrincipalDocument(Written):
    name: Annotated[str, AfterValidator(_name)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    products: tuple[str, ...] = ()
    token: Annotated[str, BeforeValidator(_secret)] | None = None
    token_sha256: Annotated[str, AfterValidator(_digest), BeforeValidator(_secret)] | None = None
    token_file: str | None = None

    @model_validator(mode="after")
    def _one_token(self) -> PrincipalDocument:
        given = [t for t in (self.token, self.token_sha256, self.token_file) if t is not None]
        if len(given) != 1:
            message = "has no token" if not given else "has more than one token"
            remedy = "give one of token, token_sha256, token_file"
            raise wrong(f"principal {shown(self.name)} {message}", remedy)
        return self


class PeopleDocument(Written):
    principals: Annotated[tuple[PrincipalDocument, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Principals:
    """Everybody with a token. `warnings` are faults that do not keep the file from being used."""

    rows: tuple[tuple[bytes, Principal], ...] = field(repr=False)
    warnings: tuple[Fault, ...] = ()

    def __iter__(self) -> Iterator[Principal]:
        return (principal for _, principal in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def authenticate(self, bearer: str) -> Principal | None:
        """Whose token this is, or None. Looks at every row, found or not."""
        presented = _hashed(bearer)
        found: Principal | None = None
        for digest, principal in self.rows:
            if hmac.compare_digest(digest, presented):
                found = principal
        return found

    by_token = authenticate


def load_principals(path: Path) -> Principals:
    """Everybody in this token file. Raises FaultsError."""
    document = parse(read_bytes(path), file=str(path))
    people = validate(document, PeopleDocument, code=PEOPLE)
    faults: list[Fault] = []
    if is_open_to_all(path) and any(row.token for row in people.principals):
        faults.append(_open_to_all(path))
    rows: list[tuple[bytes, Principal]] = []
    names: set[str] = set()
    digests: dict[bytes, str] = {}
    for at, row in enumerate(people.principals):
        if row.name in names:
            remedy = "give each principal one row, with all its roles"
            message = f"principal {shown(row.name)} is there twice"
            faults.append(_fault(document, at, "name", DUPLICATE, message, remedy))
        names.add(row.name)
        key, digest, more = _digest_of(document, at, row, path.parent)
        faults.extend(more)
        if digest is None:
            continue
        if digest in digests:
            message = f"{shown(row.name)} has the same token as {shown(digests[digest])}"
            faults.append(_fault(document, at, key, DUPLICATE, message, "make a new token"))
        digests.setdefault(digest, row.name)
        principal = Principal(
            name=row.name, roles=frozenset(row.roles), products=frozenset(row.products)
        )
        rows.append((digest, principal))
    raise_errors(faults)
    return Principals(rows=tuple(rows), warnings=tuple(faults))


def _digest_of(
    document: Document, at: int, row: PrincipalDocument, folder: Path
) -> tuple[str, bytes | None, list[Fault]]:
    """Where the token stands, its digest if it can be had, and what is wrong with it."""
    if row.token_sha256 is not None:
        return "token_sha256", bytes.fromhex(row.token_sha256), []
    if row.token is not None:
        return "token", _hashed(row.token), _too_short(document, at, "token", row.token)
    file = folder / str(row.token_file)
    try:
        token = read_secret(file, code=TOKEN_FILE)
    except FaultsError as error:
        said = f"{file}: {error.faults[0].message}"
        fault = _fault(document, at, "token_file", TOKEN_FILE, said, error.faults[0].remedy)
        return "token_file", None, [fault]
    faults = _too_short(document, at, "token_file", token)
    if is_open_to_all(file):
        faults.append(_open_to_all(file))
    return "token_file", _hashed(token), faults


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _too_short(document: Document, at: int, key: str, token: str) -> list[Fault]:
    if len(token) >= SHORTEST_TOKEN:
        return []
    message = f"the token is shorter than {SHORTEST_TOKEN} characters"
    return [_fault(document, at, key, SHORT, message, "make one with `openssl rand -hex 24`")]


def _open_to_all(path: Path) -> Fault:
    message = "everybody on this machine can read the tokens"
    return fault_of_file(path, OPEN_TO_ALL, message, f"chmod o-r {path}", FaultSeverity.WARNING)


def _fault(document: Document, at: int, key: str, code: str, message: str, remedy: str) -> Fault:
    line, column = document.mark(("principals", at, key))
    return Fault(
        file=document.file,
        line=line,
        column=column,
        code=code,
        message=message,
        path=f"principals[{at}].{key}",
        remedy=remedy,
    )
