"""What this process knows to be secret: what the settings, the token file and the catalog name so.

A word that is also a name (of an entity, a product, a team, an alert of a runbook, ...) is left out
and warned about. Alerts are told apart by such names and people read them; to mask them would
change what is acted on, and a name that everybody reads is no secret any more.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from agent.catalog.faults import FaultsError
from agent.catalog.files import read_secret
from agent.catalog.people import Principals
from agent.catalog.settings import Settings, Use, resolve_secrets
from agent.core.identify import SEVERITIES
from agent.model.alert import Layer
from agent.model.errors import Permanent
from agent.model.fault import Fault, FaultSeverity
from agent.model.product import Entity, Registry
from agent.model.runbook import Runbook
from agent.runtime.process_spec import spec_of
from agent.runtime.redaction import SHORTEST

ALSO_A_NAME = "HS411"
SLACK = "slack_signing_secret"
TOKEN_VARIABLE = "HOMEOSTAT_TOKEN"

_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)|(?:secret|token|credential|api_?key|private_?key|access_?key)(?![a-z])"
    r"|(?:secrets|credentials)(?![a-z])|(?<![a-z])(?:pass|pwd)(?![a-z])"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def names_a_secret(name: str) -> bool:
    """Whether what has this name is meant to be secret: `DB_PASS`, `authToken` and `--api-key`, and
    not `PASSENGER_APP_ENV`, `COMPASS_HOST` or `TOKENS_PER_SECOND`."""
    return _SECRET_NAME.search(_HUMP.sub("_", name).lower().replace("-", "_")) is not None


class Found(NamedTuple):
    """A secret, what it is, and where: `file` may carry a line after its last colon."""

    value: str
    what: str
    file: str


def known_secrets(
    settings: Settings,
    registry: Registry,
    runbooks: Sequence[Runbook] = (),
    principals: Principals | None = None,
) -> tuple[frozenset[str], tuple[Fault, ...]]:
    """All that can be had now, and a warning for each that is also a name and therefore shown."""
    found = list(_found(settings, registry))
    if principals is not None:
        found += [
            Found(s, "a token or a key", str(settings.tokens_file)) for s in principals.secrets
        ]
    # Also what is only a part of a name would be cut out of it.
    names = "\n".join(sorted(_names(settings, registry, runbooks)))
    kept: set[str] = set()
    told: dict[tuple[str, str], Fault] = {}
    for each in found:
        if len(each.value) >= SHORTEST and each.value in names:
            told.setdefault((each.what, each.file), _also_a_name(each))
        else:
            kept.add(each.value)
    return frozenset(kept), tuple(told.values())


def _names(settings: Settings, registry: Registry, runbooks: Iterable[Runbook]) -> set[str]:
    """What alerts are told apart by, what they are routed by, and what is acted on."""
    names = {*SEVERITIES, *Layer, *settings.notify, settings.policy.platform}
    names |= {*registry.products, *registry.entities}
    names |= {product.builder for product in registry.products.values()}
    for entity in registry.entities.values():
        names |= {entity.owner, *(value for values in entity.labels.values() for value in values)}
    for runbook in runbooks:
        names |= {runbook.name, *runbook.match.alert}
        names |= {value for values in runbook.match.labels.values() for value in values}
    return names


def _also_a_name(found: Found) -> Fault:
    file, _, line = found.file.rpartition(":")
    is_placed = bool(file) and line.isdigit()
    return Fault(
        file=file if is_placed else found.file,
        line=int(line) if is_placed else 1,
        column=1,
        code=ALSO_A_NAME,
        message=f"{found.what} is also a name of the catalog or of a runbook, and is not masked",
        remedy="make a new secret that nobody can guess",
        severity=FaultSeverity.WARNING,
    )


def with_slack_secret(
    principals: Principals, settings: Settings
) -> tuple[Principals, tuple[Fault, ...]]:
    """With what Slack signs with, where it is configured; a warning where it cannot be had: then
    nothing that comes from Slack is taken."""
    place = settings.slack_signing_secret
    if place is None:
        return principals, ()
    try:
        found = resolve_secrets(Use(use="slack", secrets={SLACK: place}))
    except FaultsError as error:
        return principals, tuple(
            msgspec.structs.replace(f, severity=FaultSeverity.WARNING) for f in error.faults
        )
    known = principals.secrets | {found[SLACK]}
    return dataclasses.replace(principals, slack_secret=found[SLACK], secrets=known), ()


def _found(settings: Settings, registry: Registry) -> Iterator[Found]:
    file = str(settings.file or "settings")
    catalog = ", ".join(map(str, settings.products)) or "catalog"
    for use in (*settings.sources, *(use for uses in settings.notify.values() for use in uses)):
        for what, value in _of_use(use, settings.folder):
            yield Found(value, f"{what} of {use.use}", use.where or file)
    for url in (settings.prometheus_url, settings.otlp_endpoint):
        for value in _of_address(url):
            yield Found(value, "the password in an address", file)
    if TOKEN_VARIABLE in os.environ:
        yield Found(os.environ[TOKEN_VARIABLE], f"the variable {TOKEN_VARIABLE}", "environment")
    for entity in registry.entities.values():
        for what, value in _of_process(entity):
            yield Found(value, f"{what} of the process {entity.name}", catalog)


def _of_process(entity: Entity) -> Iterator[tuple[str, str]]:
    if entity.process is None:
        return
    try:
        spec = spec_of(entity)
    except Permanent:
        return  # told where it is used
    for env, command in (
        (spec.env, spec.command),
        *((version.env, version.command) for version in spec.versions.values()),
    ):
        for name, value in env.items():
            if names_a_secret(name):
                yield name, value
        for value in _of_command(command or ()):
            yield "an argument", value


def _of_use(use: Use, folder: Path) -> Iterator[tuple[str, str]]:
    try:
        for name, secret in resolve_secrets(use).items():
            for value in (secret, *secret.split()):
                yield name, value
                for password in _of_address(value):
                    yield name, password
    except FaultsError:
        pass  # told by whoever needs it
    for name, value in use.params.items():
        if not isinstance(value, str):
            continue
        for password in _of_address(value):
            yield name, password
        if name.endswith("_file") and names_a_secret(name):
            try:
                yield name, read_secret(folder / value, code="HS404")
            except FaultsError:
                continue


def _of_command(command: Sequence[str]) -> Iterator[str]:
    """What stands behind `--password` and its like, in one word or in two."""
    for word, following in pairwise((*command, "")):
        name, sign, value = word.partition("=")
        if word.startswith("-") and names_a_secret(name):
            yield value if sign else following
        yield from _of_address(word)


def _of_address(url: str | None) -> Iterator[str]:
    """The password in an address, as it is written there and as it is meant."""
    try:
        password = urlsplit(url or "").password
    except ValueError:
        return
    if password:
        yield from (password, unquote(password))
