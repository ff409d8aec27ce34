"""Who may do what: by token, by signature over a message, by the id of a chat's user.

Tokens are compared as SHA-256 digests, and a presented one is compared with every digest in
constant time: how long an answer takes says nothing about how much of a token was right. A token
may have an end, so that two of them can overlap while one replaces the other. No fault and no
representation shows a token or a key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agent.catalog.document import Document
from agent.catalog.faults import FaultsError, raise_errors, shown
from agent.catalog.files import fault_of_file, is_open_to_all, read_bytes, read_secret
from agent.catalog.people_document import PeopleDocument, PrincipalDocument, TokenDocument
from agent.catalog.strict_yaml import parse, validate
from agent.model.fault import Fault, FaultSeverity
from agent.model.principal import Principal

PEOPLE = "HS430"
DUPLICATE = "HS431"
SHORT = "HS432"
OPEN_TO_ALL = "HS433"
TOKEN_FILE = "HS434"
SIGNING_KEY = "HS435"
ENDS = "HS436"

SHORTEST_TOKEN = 16
KEY_PREFIX = "whsec_"
KEY_BYTES = range(24, 65)
"""As Standard Webhooks asks."""
WARNED_SECONDS = 7 * 86400.0

Where = tuple[str | int, ...]


@dataclass(frozen=True)
class Row:
    """One token of one principal. `ends_soon` is what is said about its end, when it is near."""

    digest: bytes
    principal: Principal
    not_after: float | None = None
    ends_soon: Fault | None = None

    def is_over(self, at: float) -> bool:
        return self.not_after is not None and at >= self.not_after


@dataclass(frozen=True)
class Principals:
    """Everybody who can be proven. `warnings` are faults that do not keep the file from being used;
    `secrets` is what must not be shown anywhere, as it stands in files and in the environment."""

    rows: tuple[Row, ...] = field(default=(), repr=False)
    signers: tuple[tuple[bytes, Principal], ...] = field(default=(), repr=False)
    webhooks: tuple[tuple[bytes, Principal], ...] = field(default=(), repr=False)
    """Those who sign nothing but the body, each with a secret of its own."""
    slack_users: Mapping[str, Principal] = field(default_factory=dict)
    slack_secret: str | None = field(default=None, repr=False)
    """What Slack signs with, where the settings name it."""
    warnings: tuple[Fault, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    files: tuple[Path, ...] = ()
    """Files of single tokens and keys: a new one in them is a change as well."""

    def __iter__(self) -> Iterator[Principal]:
        known = [row.principal for row in self.rows]
        known += [principal for _, principal in (*self.signers, *self.webhooks)]
        known += self.slack_users.values()
        return iter({principal.name: principal for principal in known}.values())

    def __len__(self) -> int:
        return len(list(iter(self)))

    def by_token(self, token: str, *, at: float) -> Principal | None:
        """Whose token this is, or None. Looks at every row, found or not."""
        presented = _hashed(token)
        found: Principal | None = None
        for row in self.rows:
            if hmac.compare_digest(row.digest, presented) and not row.is_over(at):
                found = row.principal
        return found

    def by_signature(self, message: bytes, signatures: Iterable[bytes]) -> Principal | None:
        """Who signed exactly these bytes (HMAC-SHA256), or None. Tries every key."""
        given = list(signatures)
        found: Principal | None = None
        for key, principal in self.signers:
            right = hmac.digest(key, message, "sha256")
            for each in given:
                if hmac.compare_digest(right, each):
                    found = principal
        return found

    def by_webhook_signature(self, body: bytes, signature: bytes) -> Principal | None:
        """Who signed exactly this body (HMAC-SHA256), or None. Tries every secret. Their secrets
        are not those of `by_signature`: what was signed for the one says nothing to the other."""
        found: Principal | None = None
        for secret, principal in self.webhooks:
            if hmac.compare_digest(hmac.digest(secret, body, "sha256"), signature):
                found = principal
        return found

    def by_slack_user(self, user: str, *, at: float) -> Principal | None:
        """Whose user this is, or None. Whoever had tokens and has none that is still good is gone,
        and so are their buttons; whoever never had one presses buttons only."""
        found = self.slack_users.get(user)
        if found is None:
            return None
        theirs = [row for row in self.rows if row.principal.name == found.name]
        return None if theirs and all(row.is_over(at) for row in theirs) else found

    def ends(self, at: float) -> tuple[Fault, ...]:
        """Tokens that are over, or will be within a week, of those who have none that lasts
        longer: as warnings."""
        lasting = {
            row.principal.name
            for row in self.rows
            if row.not_after is None or row.not_after - at > WARNED_SECONDS
        }
        found = []
        for row in self.rows:
            if row.principal.name in lasting or row.not_after is None or row.ends_soon is None:
                continue
            left = row.not_after - at
            when = "is over" if left <= 0 else f"ends in {left / 86400:.1f} days"
            found.append(_said(row.ends_soon, when))
        return tuple(found)


def _said(fault: Fault, when: str) -> Fault:
    return msgspec.structs.replace(fault, message=f"{fault.message} {when}")


def load_principals(path: Path, environ: Mapping[str, str] | None = None) -> Principals:
    """Everybody in this token file. Raises FaultsError."""
    document = parse(read_bytes(path), file=str(path))
    people = validate(document, PeopleDocument, code=PEOPLE)
    loading = _Loading(document, path.parent, os.environ if environ is None else environ)
    rows = people.principals
    is_secret_inside = any(token.token for row in rows for _, token in row.each_token())
    if is_secret_inside and is_open_to_all(path):
        loading.faults.append(_open_to_all(path))
    for at, row in enumerate(rows):
        loading.take(at, row)
    return loading.principals()


class _Loading:
    """Gathers the rows of one file, and all that is wrong between them."""

    def __init__(self, document: Document, folder: Path, environ: Mapping[str, str]) -> None:
        self._document, self._folder, self._environ = document, folder, environ
        self.faults: list[Fault] = []
        self._names: set[str] = set()
        self._digests: dict[bytes, str] = {}
        self._rows: list[Row] = []
        self._signers: list[tuple[bytes, Principal]] = []
        self._webhooks: list[tuple[bytes, Principal]] = []
        self._slack: dict[str, Principal] = {}
        self._secrets: set[str] = set()
        self._files: list[Path] = []

    def principals(self) -> Principals:
        """Raises FaultsError."""
        raise_errors(self.faults)
        return Principals(
            rows=tuple(self._rows),
            signers=tuple(self._signers),
            webhooks=tuple(self._webhooks),
            slack_users=self._slack,
            warnings=tuple(self.faults),
            secrets=frozenset(self._secrets),
            files=tuple(self._files),
        )

    def take(self, at: int, row: PrincipalDocument) -> None:
        if row.name in self._names:
            remedy = "give each principal one row, with all its roles"
            message = f"principal {shown(row.name)} is there twice"
            self._fault((at, "name"), DUPLICATE, message, remedy)
        self._names.add(row.name)
        principal = Principal(
            name=row.name, roles=frozenset(row.roles), products=frozenset(row.products)
        )
        for where, token in row.each_token():
            self._token((at, *where), token, principal)
        self._signing_key(at, row, principal)
        self._webhook_secret(at, row, principal)
        if row.slack_user is not None:
            if row.slack_user in self._slack:
                other = shown(self._slack[row.slack_user].name)
                message = f"{shown(row.name)} has the same Slack user as {other}"
                self._fault((at, "slack_user"), DUPLICATE, message, "a user is one principal")
            self._slack.setdefault(row.slack_user, principal)

    def _token(self, where: Where, token: TokenDocument, principal: Principal) -> None:
        key, digest = self._digest_of(where, token)
        if digest is None:
            return
        name = principal.name
        if digest in self._digests:
            message = f"{shown(name)} has the same token as {shown(self._digests[digest])}"
            self._fault((*where, key), DUPLICATE, message, "make a new token")
        self._digests.setdefault(digest, name)
        ends_soon = None
        if token.not_after is not None:
            message, remedy = f"a token of {shown(name)}", "give it a second one, and reload"
            ends_soon = self._made(
                (*where, "not_after"), ENDS, message, remedy, FaultSeverity.WARNING
            )
        self._rows.append(Row(digest, principal, token.ends_at, ends_soon))

    def _digest_of(self, where: Where, token: TokenDocument) -> tuple[str, bytes | None]:
        """Under which key the token stands, and its digest if it can be had."""
        if token.token_sha256 is not None:
            return "token_sha256", bytes.fromhex(token.token_sha256)
        if token.token is not None:
            self._is_long_enough((*where, "token"), token.token)
            return "token", _hashed(token.token)
        place = (*where, "token_file")
        text = self._read(place, str(token.token_file), TOKEN_FILE)
        if text is None:
            return "token_file", None
        self._is_long_enough(place, text)
        return "token_file", _hashed(text)

    def _is_long_enough(self, where: Where, token: str) -> None:
        self._secrets.add(token)
        if len(token) < SHORTEST_TOKEN:
            message = f"the token is shorter than {SHORTEST_TOKEN} characters"
            self._fault(where, SHORT, message, "make one with `openssl rand -hex 24`")

    def _signing_key(self, at: int, row: PrincipalDocument, principal: Principal) -> None:
        where, text = self._one_of(at, "signing_key", row.signing_key_file, row.signing_key_env)
        if text is None:
            return
        self._secrets |= {text, text.removeprefix(KEY_PREFIX)}
        key = signing_key(text)
        if key is None:
            message = "this is not a signing key"
            remedy = "write whsec_ and the base64 of 24 to 64 bytes (`openssl rand -base64 32`)"
            self._fault(where, SIGNING_KEY, message, remedy)
        else:
            self._signers.append((key, principal))

    def _webhook_secret(self, at: int, row: PrincipalDocument, principal: Principal) -> None:
        file, variable = row.webhook_secret_file, row.webhook_secret_env
        where, text = self._one_of(at, "webhook_secret", file, variable)
        if text is None:
            return
        self._is_long_enough(where, text)
        digest, name = _hashed(text), principal.name
        if digest in self._digests:
            message = f"{shown(name)} has the same secret as {shown(self._digests[digest])}"
            self._fault(where, DUPLICATE, message, "make a new one")
        self._digests.setdefault(digest, name)
        self._webhooks.append((text.encode(), principal))

    def _one_of(
        self, at: int, what: str, file: str | None, variable: str | None
    ) -> tuple[Where, str | None]:
        """Where it stands, and the text of the file or the variable, if one is named and there."""
        if file is not None:
            where: Where = (at, f"{what}_file")
            return where, self._read(where, file, SIGNING_KEY)
        where = (at, f"{what}_env")
        text = (self._environ.get(variable) or None) if variable is not None else None
        if variable is not None and text is None:
            self._fault(where, SIGNING_KEY, f"variable {variable} is not set", "set it")
        return where, text

    def _read(self, where: Where, name: str, code: str) -> str | None:
        file = self._folder / name
        self._files.append(file)
        try:
            text = read_secret(file, code=code)
        except FaultsError as error:
            said = f"{file}: {error.faults[0].message}"
            self._fault(where, code, said, error.faults[0].remedy)
            return None
        if is_open_to_all(file):
            self.faults.append(_open_to_all(file))
        return text

    def _fault(self, where: Where, code: str, message: str, remedy: str) -> None:
        self.faults.append(self._made(where, code, message, remedy))

    def _made(
        self,
        where: Where,
        code: str,
        message: str,
        remedy: str,
        severity: FaultSeverity = FaultSeverity.ERROR,
    ) -> Fault:
        line, column = self._document.mark(("principals", *where))
        parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
        return Fault(
            file=self._document.file,
            line=line,
            column=column,
            code=code,
            message=message,
            path=f"principals{parts}",
            remedy=remedy,
            severity=severity,
        )


def signing_key(text: str) -> bytes | None:
    """The bytes of a key as Standard Webhooks writes it, or None."""
    try:
        key = base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) in KEY_BYTES else None


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _open_to_all(path: Path) -> Fault:
    message = "everybody on this machine can read the tokens"
    return fault_of_file(path, OPEN_TO_ALL, message, f"chmod o-r {path}", FaultSeverity.WARNING)
