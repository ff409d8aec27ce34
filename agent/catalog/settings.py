"""Settings: one file, and `HOMEOSTAT_...` variables of the environment over it.

A misspelt variable would silently be a default, so an unknown one is a fault just as an unknown key
is. What one key cannot tell is checked on the whole: listening beyond this machine without a token
file would let everybody in, so it is refused here, before a socket is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agent.catalog.addresses import Allowed, is_loopback, parse_listen
from agent.catalog.calendar_document import WrittenAt
from agent.catalog.cluster_document import ClusterSettings, compile_cluster
from agent.catalog.document import Document, Place, fault_in
from agent.catalog.faults import FaultsError, raise_errors, shown, suggest
from agent.catalog.files import read_bytes, read_secret
from agent.catalog.learning_document import DeliverySettings, compile_delivery
from agent.catalog.own_document import OwnSettings, compile_own
from agent.catalog.policy import PolicyDocument, compile_policy, load_policy
from agent.catalog.settings_document import SecretDocument, SettingsDocument, UseDocument
from agent.catalog.strict_yaml import DOCUMENTS, parse, validate
from agent.catalog.survey_document import SurveySettings, compile_survey
from agent.model.fault import Fault
from agent.model.policy import Policy
from agent.ports.cluster_source import ClusterAlerts

T = TypeVar("T")

SETTINGS = "HS401"
VARIABLE = "HS402"
OPEN_DOOR = "HS403"
SECRET = "HS404"
TWICE = "HS405"

CLUSTER_SOURCES = ("kubernetes.watch", "kubernetes.level")
BOTH_TOLD = frozenset(ClusterAlerts.model_fields)
ENVIRONMENT = "environment"
DEFAULT_FILE = "homeostat.yaml"
PREFIX = "HOMEOSTAT_"
_LISTS = frozenset({"runbooks", "products", "plugins", "halt_files", "on_call"})
"""Folders and files, separated as in PATH."""
_LOG_KEYS = {"log_level": "level", "log_format": "format"}
_SCALARS = (
    "data_dir", "listen", "link", "shipped_runbooks", "policy_file", "tokens_file",
    "prometheus_url", "level_check", "otlp_endpoint",
)  # fmt: skip
_KEYS = {PREFIX + key.upper(): key for key in (*_SCALARS, *_LISTS, *_LOG_KEYS)}
OUTSIDE = frozenset({"HOMEOSTAT_TOKEN", "HOMEOSTAT_URL", "HOMEOSTAT_CONFIG"})
"""Variables of the command line, which are no settings."""


class SecretPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret is kept: exactly one of the two is set."""

    file: Path | None = None
    env: str | None = None


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a plugin: a source, or a way to reach a team."""

    use: str
    params: Mapping[str, Any] = {}
    secrets: Mapping[str, SecretPlace] = {}
    where: str = ""
    """File and line it was written at, for what is said about it later."""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    level: str = "info"
    format: str = "json"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything resolved: paths are absolute, durations are seconds, the policy is compiled."""

    file: Path | None
    folder: Path
    """What relative paths were relative to."""
    data_dir: Path
    host: str
    port: int
    link: str
    runbooks: tuple[Path, ...]
    shipped_runbooks: bool
    products: tuple[Path, ...]
    policy: Policy
    tokens_file: Path | None
    plugins: tuple[Path, ...]
    prometheus_url: str | None
    level_check: float
    """Seconds."""
    sources: tuple[Use, ...]
    notify: Mapping[str, tuple[Use, ...]]
    log: Log
    otlp_endpoint: str | None
    allowed_hosts: tuple[Allowed, ...] = ()
    slack_signing_secret: SecretPlace | None = None
    halt_files: tuple[Path, ...] = ()
    """Each has to be there and to say `off`, or nothing is done (runtime/halt_files.py)."""
    on_call: tuple[Path, ...] = ()
    learning: DeliverySettings = DeliverySettings()
    survey: SurveySettings = SurveySettings()
    kubernetes: ClusterSettings | None = None
    """None: no cluster is connected."""
    agent: OwnSettings = OwnSettings()
    """The agent itself as a member of the machinery."""

    @property
    def listen(self) -> str:
        return address(self.host, self.port)


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def settings_file(named: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the named one, else HOMEOSTAT_CONFIG, else `homeostat.yaml` here."""
    if named is not None:
        return named
    if variable := environ.get("HOMEOSTAT_CONFIG"):
        return Path(variable)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of this file, or the defaults, with the environment over them.

    Raises FaultsError with all faults of the file, the policy file and the environment.
    """
    folder = Path(os.path.abspath(path.parent if path is not None else "."))
    faults: list[Fault] = []
    document = _collect(faults, lambda: _document(path)) or _empty("settings")
    in_file = _collect(faults, lambda: validate(document, SettingsDocument, code=SETTINGS))
    variables, unknown = _variables(environ)
    faults.extend(unknown)
    in_environment = _collect(faults, lambda: _validated_variables(variables))
    written = _laid_over(in_file or SettingsDocument(), in_environment or SettingsDocument())
    if in_file is not None and in_environment is not None:
        faults.extend(_open_door(written, document, variables))
    policy = _collect(faults, lambda: _policy(written, document, folder))
    raise_errors(faults)
    assert policy is not None
    return _resolved(written, document, folder, path, policy)


def resolve_secrets(use: Use, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The secrets of this use, read now. Raises FaultsError; no fault shows a secret."""
    variables = os.environ if environ is None else environ
    secrets: dict[str, str] = {}
    faults: list[Fault] = []
    for name, place in use.secrets.items():
        if place.file is not None:
            found = _collect(faults, partial(read_secret, place.file, code=SECRET))
        else:
            found = variables.get(place.env or "") or None
            if found is None:
                message = f"variable {place.env} is not set"
                faults.append(_environment_fault(SECRET, str(place.env), message, "set it"))
        if found is not None:
            secrets[name] = found
    raise_errors(faults)
    return secrets


def _collect(faults: list[Fault], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except FaultsError as error:
        faults.extend(error.faults)
        return None


def _document(path: Path | None) -> Document:
    if path is None:
        return _empty("settings")
    try:
        return parse(read_bytes(path), file=str(path))
    except FaultsError as error:
        if [(fault.code, fault.line) for fault in error.faults] == [(DOCUMENTS, 1)]:
            return _empty(str(path))  # an empty file: all defaults
        raise


def _empty(file: str) -> Document:
    return Document(data={}, file=file, root=Place((1, 1)))


def _variables(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """What the environment sets, in the shape of the file; and what is not known of it.

    A variable that is set to nothing is as good as not set.
    """
    written: dict[str, Any] = {}
    faults = []
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in OUTSIDE or not value:
            continue
        key = _KEYS.get(name)
        if key is None:
            remedy = suggest(name, {*_KEYS, *OUTSIDE}, what="known variables")
            faults.append(_environment_fault(VARIABLE, name, "unknown variable", remedy))
        elif key in _LOG_KEYS:
            written.setdefault("log", {})[_LOG_KEYS[key]] = value
        elif key in _LISTS:
            written[key] = [part for part in value.split(os.pathsep) if part]
        else:
            written[key] = {"true": True, "false": False}.get(value, value)
    return written, faults


def _validated_variables(written: dict[str, Any]) -> SettingsDocument:
    document = Document(data=written, file=ENVIRONMENT, root=Place((1, 1)))
    try:
        return validate(document, SettingsDocument, code=VARIABLE)
    except FaultsError as error:
        names = {key: name for name, key in _KEYS.items()}
        raise FaultsError(
            msgspec.structs.replace(fault, path=names[fault.path.replace(".", "_").split("[")[0]])
            for fault in error.faults
        ) from None


def _environment_fault(code: str, name: str, message: str, remedy: str) -> Fault:
    return Fault(
        file=ENVIRONMENT, line=1, column=1, code=code, message=message, path=name, remedy=remedy
    )


def _laid_over(file: SettingsDocument, environment: SettingsDocument) -> SettingsDocument:
    chosen = {key: getattr(environment, key) for key in environment.model_fields_set}
    if "log" in chosen:
        log = {key: getattr(environment.log, key) for key in environment.log.model_fields_set}
        chosen["log"] = file.log.model_copy(update=log)
    if "policy_file" in chosen:
        chosen["policy"] = None
    return file.model_copy(update=chosen)


def _open_door(
    written: SettingsDocument, document: Document, variables: Mapping[str, Any]
) -> list[Fault]:
    host, _ = parse_listen(written.listen)
    if is_loopback(host) or written.tokens_file is not None:
        return []
    message = f"listening on {shown(host)} without tokens would let everybody in"
    remedy = "set tokens_file, or listen on 127.0.0.1"
    if "listen" in variables:
        return [_environment_fault(OPEN_DOOR, "HOMEOSTAT_LISTEN", message, remedy)]
    return [fault_in(document, ("listen",), OPEN_DOOR, message, remedy)]


def _policy(written: SettingsDocument, document: Document, folder: Path) -> Policy:
    if written.policy_file is None:
        place = WrittenAt(document, ("policy",), folder=folder)
        return compile_policy(written.policy or PolicyDocument(), place)
    if written.policy is not None:
        message = "the policy is given twice, in this file and in another"
        remedy = "keep either policy or policy_file"
        raise FaultsError([fault_in(document, ("policy_file",), TWICE, message, remedy)])
    return load_policy(folder / written.policy_file)


def secret_place(each: SecretDocument, folder: Path) -> SecretPlace:
    file = Path(os.path.abspath(folder / each.file)) if each.file else None
    return SecretPlace(file=file, env=each.env)


def compile_use(
    each: UseDocument, document: Document, path: tuple[str | int, ...], *, folder: Path
) -> Use:
    """One use of a plugin that stands at `path`; its files are relative to `folder`."""
    secrets = {name: secret_place(secret, folder) for name, secret in each.secrets.items()}
    line, _ = document.mark(path)
    where = f"{document.file}:{line}"
    return Use(use=each.use, params=each.params, secrets=secrets, where=where)


def _resolved(
    written: SettingsDocument, document: Document, folder: Path, file: Path | None, policy: Policy
) -> Settings:
    def place(text: str) -> Path:
        return Path(os.path.abspath(folder / text))

    def use(each: UseDocument, *path: str | int) -> Use:
        return compile_use(each, document, path, folder=folder)

    host, port = parse_listen(written.listen)
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return Settings(
        file=Path(os.path.abspath(file)) if file is not None else None,
        folder=folder,
        data_dir=place(written.data_dir),
        host=host,
        port=port,
        link=(written.link or f"http://{address(reached, port)}").rstrip("/"),
        runbooks=tuple(place(text) for text in written.runbooks),
        shipped_runbooks=written.shipped_runbooks,
        products=tuple(place(text) for text in written.products),
        policy=policy,
        tokens_file=place(written.tokens_file) if written.tokens_file else None,
        plugins=tuple(place(text) for text in written.plugins),
        halt_files=tuple(place(text) for text in written.halt_files),
        on_call=tuple(place(text) for text in written.on_call),
        learning=compile_delivery(written.learning, folder=folder),
        survey=compile_survey(written.survey),
        agent=compile_own(written.agent),
        prometheus_url=written.prometheus_url,
        allowed_hosts=tuple(Allowed(text=text) for text in written.allowed_hosts),
        level_check=written.level_check,
        kubernetes=compile_cluster(written.kubernetes, folder),
        sources=_with_cluster(
            tuple(use(each, "sources", at) for at, each in enumerate(written.sources)),
            is_connected=written.kubernetes is not None,
        ),
        notify={
            team: tuple(use(each, "notify", team, at) for at, each in enumerate(uses))
            for team, uses in written.notify.items()
        },
        log=Log(level=written.log.level, format=written.log.format),
        otlp_endpoint=written.otlp_endpoint,
        slack_signing_secret=(
            secret_place(written.slack_signing_secret, folder)
            if written.slack_signing_secret is not None
            else None
        ),
    )


def _with_cluster(uses: tuple[Use, ...], *, is_connected: bool) -> tuple[Use, ...]:
    """Who connects a cluster wants to hear of it; only those who want it otherwise name it."""
    if not is_connected:
        return uses
    named = {use.use: use for use in uses if use.use in CLUSTER_SOURCES}
    # Both have to tell the same: what is written for one of them is meant for the other.
    written = next(iter(named.values()), None)
    params = {k: v for k, v in written.params.items() if k in BOTH_TOLD} if written else {}
    own = (
        Use(use=name, params=params, where=written.where if written else "kubernetes")
        for name in CLUSTER_SOURCES
        if name not in named
    )
    return (*uses, *own)
