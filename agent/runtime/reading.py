"""Everything that is read from files, as one value: all of it is good, or the last one stays.

Learned runbooks live in the store; their files under `promoted/` are written from there for people
to read, and read like any other. Older versions an open incident began with are compiled from the
text the store kept.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from agent.catalog.calendar_document import unknown_names
from agent.catalog.draft import draft
from agent.catalog.faults import FaultsError
from agent.catalog.files import fault_of_file
from agent.catalog.on_call import Staff, load_on_call, unreachable_builders
from agent.catalog.people import Principals, load_principals
from agent.catalog.products import load_registry
from agent.catalog.runbook_cache import RunbookCache, read_cached
from agent.catalog.runbook_files import runbook_files
from agent.catalog.runbook_owners import of_their_owners
from agent.catalog.runbooks import (
    FileRead,
    RunbookSet,
    as_set,
    load_text,
    read_file,
    undisturbed,
)
from agent.catalog.settings import Settings, Use
from agent.core.matching import MatchIndex
from agent.core.reaching import DEFAULT, LAST_RESORT
from agent.core.view import Channel
from agent.model.fault import Fault, FaultSeverity
from agent.model.learning import Promotion, PromotionState
from agent.model.principal import Role
from agent.model.product import Registry
from agent.model.runbook import Lifecycle, Runbook
from agent.ports.plugin import Plugin
from agent.runtime.known_secrets import known_secrets, with_slack_secret
from agent.runtime.registry import PluginRegistry, shipped_plugins_folder, shipped_runbooks_folder
from agent.runtime.uses import faults_of_channels, faults_of_uses

log = structlog.get_logger("reading")

PROMOTED = "promoted"
CACHE = "runbooks.cache"
WRITTEN = (PromotionState.PROPOSED, PromotionState.APPROVED)
CANNOT_WRITE = "HS410"
PAGES_FILE = "pages.jsonl"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    registry: Registry
    runbooks: RunbookSet
    index: MatchIndex
    principals: Principals | None
    staff: Staff = Staff()
    faults: tuple[Fault, ...]
    secrets: frozenset[str] = frozenset()
    """What must not be shown anywhere (known_secrets.py)."""

    @property
    def is_good(self) -> bool:
        return not any(f.severity is FaultSeverity.ERROR for f in self.faults)


def connections(settings: Settings) -> tuple[str, ...]:
    """What this site can lend to plugins that need it."""
    lent = {"prometheus": settings.prometheus_url, "kubernetes": settings.kubernetes}
    return tuple(name for name, place in lent.items() if place is not None and place != "")


def runbook_folders(settings: Settings) -> list[Path]:
    """The site's own, and the shipped ones where they are wanted."""
    shipped = [shipped_runbooks_folder()] if settings.shipped_runbooks else []
    return [*settings.runbooks, *shipped]


def with_products_own(folders: list[Path], registry: Registry) -> list[Path]:
    """With the folders that products name, each once."""
    own = [Path(text) for product in registry.products.values() for text in product.runbooks]
    return list(dict.fromkeys([*own, *folders]))


def load_plugins(settings: Settings) -> PluginRegistry:
    return PluginRegistry.load([shipped_plugins_folder(), *settings.plugins])


def read(
    settings: Settings,
    plugins: Mapping[str, Plugin],
    *,
    promotions: Iterable[Promotion] | None = None,
    pinned: Mapping[str, str] | None = None,
    cache: bool = False,
) -> Reading:
    """Reads all of it. What is faulty is left out and told in `faults`. Without `promotions` the
    learned runbooks are read as they lie there: whoever has not opened the store writes nothing.
    With `cache`, what was compiled before is taken from the data folder and kept there; then the
    runbooks carry neither their tests nor their documents.
    """
    faults: list[Fault] = []
    registry = Registry()
    try:
        registry, warnings = load_registry(settings.products)
        faults += warnings
    except FaultsError as error:
        faults += error.faults
    principals = _principals(settings, faults)
    staff = _staff(settings, registry, faults)
    folders = with_products_own(runbook_folders(settings), registry)
    runbooks = _all_runbooks(
        folders,
        settings.data_dir / PROMOTED,
        plugins,
        promotions=promotions,
        cache=RunbookCache(settings.data_dir / CACHE, plugins) if cache else None,
    )
    runbooks = of_their_owners(runbooks, registry, platform=settings.policy.platform)
    faults += runbooks.faults
    if registry.products:  # where they could not be read, that is the fault
        names = [runbook.name for runbook in runbooks.runbooks]
        faults += unknown_names(settings.policy, registry.products, names)
    faults += faults_of_uses(settings, plugins)
    faults += faults_of_channels(staff.channels, plugins)
    secrets, plain = known_secrets(
        _with_people(settings, staff), registry, runbooks.runbooks, principals
    )
    faults += plain
    index = MatchIndex(runbooks.runbooks, _pinned(pinned or {}, plugins))
    return Reading(
        registry=registry,
        runbooks=runbooks,
        index=index,
        principals=principals,
        staff=staff,
        faults=tuple(faults),
        secrets=secrets,
    )


def _principals(settings: Settings, faults: list[Fault]) -> Principals | None:
    """Everybody who can be proven, where people are told apart. Faults go to the others."""
    if settings.tokens_file is None:
        return None
    try:
        principals = load_principals(settings.tokens_file)
        faults += principals.warnings
        principals, unreadable = with_slack_secret(principals, settings)
    except FaultsError as error:
        faults += error.faults
        return None
    faults += unreadable
    return principals


def approvers_of(
    principals: Principals | None, registry: Registry
) -> dict[str, frozenset[str]] | None:
    """Who may approve, by product; by the empty name, for what belongs to none. None where people
    are not told apart."""
    if principals is None:
        return None
    able = [p for p in principals if p.may(Role.APPROVER)]
    found = {
        product: frozenset(p.name for p in able if p.may(Role.APPROVER, product=product))
        for product in registry.products
    }
    return {**found, "": frozenset(p.name for p in able if not p.products)}


def _staff(settings: Settings, registry: Registry, faults: list[Fault]) -> Staff:
    """Who is on call. Its faults and warnings are added to the others."""
    try:
        teams = teams_of(registry, settings) if registry.products else None
        staff = load_on_call(settings.on_call, teams=teams)
    except FaultsError as error:
        faults += error.faults
        return Staff()
    faults += staff.warnings
    faults += unreachable_builders(registry, staff, settings.notify)
    return staff


def _with_people(settings: Settings, staff: Staff) -> Settings:
    """Their channels have secrets as those of teams have."""
    return msgspec.structs.replace(settings, notify={**settings.notify, **staff.channels})


def teams_of(registry: Registry, settings: Settings) -> frozenset[str]:
    """Everybody who owns something, and who can be told."""
    builders = {p.builder for p in registry.products.values()}
    owners = {e.owner for e in registry.entities.values()}
    return frozenset(builders | owners | {settings.policy.platform, *settings.notify})


def _all_runbooks(
    folders: Sequence[Path],
    promoted: Path,
    plugins: Mapping[str, Plugin],
    *,
    promotions: Iterable[Promotion] | None,
    cache: RunbookCache | None,
) -> RunbookSet:
    """Those of the folders, and the learned ones that none of them has: once people took one over
    into a folder of theirs, it is theirs to change."""
    faults: list[Fault] = []

    def files_of(places: Sequence[Path]) -> list[FileRead]:
        if cache is not None:
            return read_cached(places, plugins, cache, faults)
        return [read_file(file, raw, plugins) for file, raw in runbook_files(places, faults)]

    with undisturbed():
        files = files_of(folders)
        theirs = {one.runbook.name for file in files for one in file.loaded}
        if promotions is not None:
            try:
                write_promoted(promoted, promotions, elsewhere=theirs)
            except OSError as error:
                faults.append(_cannot_write(promoted, error))
        if promoted.is_dir():
            learned = files_of([promoted])
            files += [f for f in learned if not any(o.runbook.name in theirs for o in f.loaded)]
        if cache is not None:
            _save(cache)
        return as_set(files, faults)


def _save(cache: RunbookCache) -> None:
    try:
        cache.save()
    except OSError as error:
        log.warning("cache_not_written", error=str(error))


def _pinned(texts: Mapping[str, str], plugins: Mapping[str, Plugin]) -> list[Runbook]:
    kept = []
    for digest, text in texts.items():
        try:
            kept.append(load_text(text, path=f"pinned:{digest}", plugins=plugins))
        except FaultsError:
            continue  # a plugin it used is gone: its incident goes to a person
    return kept


def _cannot_write(folder: Path, error: OSError) -> Fault:
    message = f"learned runbooks cannot be written here: {error.strerror or error}"
    remedy = "make room, or the folder writable, and reload"
    return fault_of_file(folder, CANNOT_WRITE, message, remedy)


def write_promoted(
    folder: Path, promotions: Iterable[Promotion], *, elsewhere: Collection[str] = ()
) -> None:
    """The learned runbooks as files, made to agree with the store: those that look on and those
    that were approved, without what is replaced and without `elsewhere`, the names of those that
    lie in another folder. Raises OSError."""
    ready = {p.name: p for p in promotions if _is_ready(p)}
    gone = {p.replaces for p in ready.values() if _takes_its_place(p, ready.get(p.replaces))}
    wanted = {
        f"{name}.yaml": draft(promotion.document)
        for name, promotion in ready.items()
        if name not in gone and name not in elsewhere
    }
    if not wanted and not folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.rglob("*"):  # whatever else would be read like a runbook is nobody's word
        if path.suffix in (".yaml", ".yml") and (path.parent != folder or path.name not in wanted):
            path.unlink()
    for name, text in wanted.items():
        path, wanted_bytes = folder / name, text.encode()
        if not path.is_file() or path.read_bytes() != wanted_bytes:
            fresh = path.with_suffix(".new")
            fresh.write_bytes(wanted_bytes)
            os.replace(fresh, path)


def _is_ready(promotion: Promotion) -> bool:
    is_retired = promotion.lifecycle == Lifecycle.RETIRED.value
    return promotion.state in WRITTEN and not is_retired and not promotion.unanswered


def _takes_its_place(new: Promotion, old: Promotion | None) -> bool:
    """What only looks on does not take the place of what somebody approved."""
    if old is None:
        return False
    return PromotionState.APPROVED is new.state or PromotionState.APPROVED is not old.state


def channels_of(
    settings: Settings, staff: Staff
) -> tuple[dict[str, tuple[Channel, ...]], dict[str, Use]]:
    """Channels per team and person for the view, and what is behind each for the outbox.

    The built-in default is the terminal and a file. After every channel there is the last resort,
    which is no plugin and depends on nothing outside (runtime/last_resort.py).
    """
    file = Use(use="file", params={"path": str(settings.data_dir / PAGES_FILE)})
    receivers: dict[str, tuple[Use, ...]] = {DEFAULT: (Use(use="terminal"), file)}
    receivers |= {team: tuple(uses) for team, uses in settings.notify.items()}
    receivers |= staff.channels
    receivers[LAST_RESORT] = (Use(use=LAST_RESORT),)
    view: dict[str, tuple[Channel, ...]] = {}
    behind: dict[str, Use] = {}
    for name, uses in receivers.items():
        rows = []
        for number, use in enumerate(uses):
            channel = Channel(id=f"{name}/{number}", use=use.use)
            behind[channel.id] = use
            rows.append(channel)
        view[name] = tuple(rows)
    return view, behind
