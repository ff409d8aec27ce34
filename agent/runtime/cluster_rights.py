"""What the agent needs in a cluster: of the watch, and of the plugins that runbooks use.

Made of the same declarations (`rights=`) by which a plugin is refused what it does not declare
(runtime/cluster_lending.py), so that what is granted and what is asked cannot drift apart. Each
right is needed where a product runs, and only by runbooks that are for that product: what only
looks on (shadow) needs what it reads, drafts and retired ones need nothing.

Where a product names its workloads, reading one of them and changing it is needed by those names
only. RBAC cannot say names for `list`, `watch` and `create`: the name is not part of the request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from agent.catalog.cluster_document import EVERY_NAMESPACE, NAMED_KINDS, ClusterSettings
from agent.core.ownership import speaks_for
from agent.core.placing import Places
from agent.model.cluster import Right
from agent.model.policy import Policy
from agent.model.product import Registry
from agent.model.runbook import Call, Lifecycle, Runbook
from agent.ports.cluster_kinds import KINDS
from agent.ports.cluster_objects import SHAPES
from agent.ports.plugin import Action, Diagnostic, Plugin, Verification
from agent.runtime.cluster import OPTIONAL

WATCH = "the watch"
DEFAULTS = "the default diagnostics"
READS = frozenset({"get", "list"})
CHANGES = frozenset({"create", "patch", "delete"})
BY_NAME = frozenset({"get", "patch", "delete"})
"""Verbs that can be granted for objects of certain names."""
ACTS = (Lifecycle.ACTIVE, Lifecycle.ASSISTED)
NEVER = "secret"
"""Whoever reads the secrets of a namespace is everybody in it."""
MADE_OF = {"job": "cronjob"}
"""Of named kinds, those that others of them make, under names of their own."""


class Need(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """One verb on one kind of object in one place."""

    namespace: str = ""
    """Empty: of the whole cluster."""
    product: str = ""
    """Whose; empty: nobody's in particular."""
    group: str
    resource: str
    """As RBAC has it: `deployments`, `pods/eviction`."""
    verb: str
    names: tuple[str, ...] = ()
    """Only of these; empty: of any."""
    optional: bool = False
    """Without it something stays unknown, and all else works."""
    by: tuple[str, ...] = ()
    """Who needs it, for people to read."""

    @property
    def text(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        of = f" ({', '.join(self.names)})" if self.names else ""
        return f"{self.verb} {what}{of}"


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    all: tuple[Need, ...]
    left_out: tuple[str, ...] = ()
    """What plugins ask for and no Role of ours gives, as sentences."""
    used: Mapping[str, tuple[Right, ...]] = {}
    """By plugin, what it declares: of those that anything here uses."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(sorted({need.namespace for need in self.all} - {""}))

    def required(self) -> Needs:
        kept = tuple(need for need in self.all if not need.optional)
        return msgspec.structs.replace(self, all=kept)


def right_text(right: Right) -> str:
    """For people: `get, list deployments.apps`."""
    kind = KINDS.get(right.kind)
    what = kind.resource if kind is not None else right.kind
    if right.part:
        what = f"{kind.plural if kind is not None else right.kind}/{right.part}"
    where = f" in {right.namespace}" if right.namespace else ""
    return f"{', '.join(right.verbs)} {what}{where}{' (optional)' if right.optional else ''}"


class _Use(NamedTuple):
    plugin: str
    by: str


class _Wanted(NamedTuple):
    namespace: str
    product: str
    right: Right
    verb: str
    names: tuple[str, ...]
    by: str


class _Scope(NamedTuple):
    """What a product has in a namespace."""

    names: Mapping[str, tuple[str, ...]]
    """By kind, where it names all it has."""
    is_wide: bool
    """It has what is found by labels, which may be of any kind and name."""

    def of(self, right: Right, verb: str) -> tuple[str, ...] | None:
        """Names the right is needed for; empty: any; None: it is not needed here."""
        if self.is_wide or right.any_name or right.kind not in NAMED_KINDS:
            return ()
        named = self.names.get(right.kind, ())
        if MADE_OF.get(right.kind) in self.names:
            return ()
        if verb == "list":
            return ()  # a plugin may look for what is not there
        if not named:
            return None
        return named if verb in BY_NAME else ()


def needed(
    settings: ClusterSettings,
    *,
    policy: Policy,
    registry: Registry,
    runbooks: Sequence[Runbook],
    plugins: Mapping[str, Plugin],
) -> Needs:
    """Everything, in order. Equal for equal files."""
    scopes = _scopes(registry)
    places = Places(registry)
    wanted = list(_of_watch(settings, scopes, places))
    left_out: set[str] = set()
    used: dict[str, tuple[Right, ...]] = {}
    for product in sorted({product for product, _ in scopes} | set(registry.products) | {""}):
        for use in _uses(product, policy=policy, registry=registry, runbooks=runbooks,
                         plugins=plugins):  # fmt: skip
            plugin = plugins[use.plugin]
            assert isinstance(plugin, Action | Diagnostic | Verification)
            for right in plugin.rights:
                wrong = _never(right, plugin)
                left_out |= {f"{plugin.name}: {wrong}"} if wrong else set()
                if not wrong:
                    used[plugin.name] = plugin.rights
                    wanted += _of_right(right, product, scopes, use.by)
    return Needs(all=_merged(wanted), left_out=tuple(sorted(left_out)), used=used)


def _scopes(registry: Registry) -> dict[tuple[str, str], _Scope]:
    """By product (empty: what products share) and namespace; nodes are in the empty one."""
    names: dict[tuple[str, str], dict[str, set[str]]] = {}
    wide: set[tuple[str, str]] = set()
    for entity in registry.entities.values():
        for place in entity.places:
            key = (entity.product or "", place.namespace)
            found = names.setdefault(key, {})
            if place.name:
                found.setdefault(place.kind, set()).add(place.name)
            else:
                wide.add(key)
    return {
        key: _Scope({kind: tuple(sorted(of)) for kind, of in found.items()}, key in wide)
        for key, found in names.items()
    }


def _of_watch(
    settings: ClusterSettings, scopes: Mapping[tuple[str, str], _Scope], places: Places
) -> Iterator[_Wanted]:
    """As runtime/cluster.py watches: each kind in each namespace, or everywhere."""
    named = settings.namespaces or places.namespaces
    spaces = ("",) if EVERY_NAMESPACE in named else named
    for kind in SHAPES:
        right = Right(kind=kind, verbs=("list", "watch"), optional=kind in OPTIONAL)
        if not KINDS[kind].is_namespaced:
            if settings.nodes:
                yield from (_Wanted("", "", right, verb, (), WATCH) for verb in right.verbs)
            continue
        for space in spaces:
            of = sorted(product for product, place in scopes if place == space and space) or [""]
            for product in of:
                yield from (_Wanted(space, product, right, verb, (), WATCH) for verb in right.verbs)


def _uses(
    product: str,
    *,
    policy: Policy,
    registry: Registry,
    runbooks: Sequence[Runbook],
    plugins: Mapping[str, Plugin],
) -> Iterator[_Use]:
    """Plugins with rights that may be used for this product; for the empty one, for what belongs
    to none."""
    for runbook in runbooks:
        if runbook.match.product not in (None, product or None):
            continue
        if not speaks_for(
            runbook.owner, product or None, registry=registry, platform=policy.platform
        ):
            continue
        for name in dict.fromkeys(_names(runbook, plugins)):
            if getattr(plugins.get(name), "rights", ()):
                yield _Use(name, f"{runbook.name} by {name}")
    kinds = {e.kind.value for e in registry.entities.values() if (e.product or "") == product}
    for kind in sorted(kinds):
        for name in policy.default_diagnostics.get(kind, ()):
            if getattr(plugins.get(name), "rights", ()):
                yield _Use(name, f"{DEFAULTS} by {name}")


def _names(runbook: Runbook, plugins: Mapping[str, Plugin]) -> Iterator[str]:
    if runbook.lifecycle not in (*ACTS, Lifecycle.SHADOW):
        return
    yield from _used(runbook.diagnose)
    if runbook.lifecycle not in ACTS:
        return
    for plan in runbook.plans:
        for step in plan.steps:
            yield step.use
            plugin = plugins.get(step.use)
            if isinstance(plugin, Action) and plugin.undone_by:
                yield plugin.undone_by
        yield from _used(plan.verify.observe)
        yield from _used(plan.rollback)
        if plan.rollback_verify is not None:
            yield from _used(plan.rollback_verify.observe)


def _used(calls: Iterable[Call]) -> Iterator[str]:
    return (call.use for call in calls)


def _never(right: Right, plugin: Plugin) -> str:
    """Why no Role gives it; empty: it may be given."""
    if right.kind not in KINDS:
        return f"there is no kind {right.kind[:80]!r} (ports/cluster_kinds.py)"
    if right.kind == NEVER:
        return "secrets are never granted: mount what is needed as a file"
    may = READS | CHANGES if isinstance(plugin, Action) else READS
    strange = sorted(set(right.verbs) - may)
    if strange:
        return f"{', '.join(strange)} on {right.kind} is more than a {plugin.kind} may ask for"
    return ""


def _of_right(
    right: Right, product: str, scopes: Mapping[tuple[str, str], _Scope], by: str
) -> Iterator[_Wanted]:
    if not KINDS[right.kind].is_namespaced:
        yield from _wide(right, scopes, by)
        return
    if right.namespace:
        yield from (_Wanted(right.namespace, "", right, verb, (), by) for verb in right.verbs)
        return
    for (owner, space), scope in scopes.items():
        if owner != product or not space:
            continue
        for verb in right.verbs:
            names = scope.of(right, verb)
            if names is not None:
                yield _Wanted(space, product, right, verb, names, by)


def _wide(right: Right, scopes: Mapping[tuple[str, str], _Scope], by: str) -> Iterator[_Wanted]:
    """Of objects without a namespace: looked at wherever a runbook does, and changed only where
    they are declared as somebody's."""
    theirs = [scope for (_, space), scope in scopes.items() if not space]
    is_wide = any(scope.is_wide for scope in theirs)
    names = tuple(sorted({n for scope in theirs for n in scope.names.get(right.kind, ())}))
    for verb in right.verbs:
        if verb in READS:
            yield _Wanted("", "", right, verb, (), by)
        elif theirs:
            only = () if is_wide or verb not in BY_NAME else names
            yield _Wanted("", "", right, verb, only, by)


def _merged(wanted: Iterable[_Wanted]) -> tuple[Need, ...]:
    """Each once, with all who need it. What is needed by somebody is no more optional."""
    found: dict[tuple[str, str, str, str, str, tuple[str, ...]], tuple[bool, set[str]]] = {}
    for one in wanted:
        kind, part = KINDS[one.right.kind], one.right.part
        resource = f"{kind.plural}/{part}" if part else kind.plural
        key = (one.namespace, one.product, kind.group, resource, one.verb, one.names)
        optional, by = found.get(key, (True, set()))
        found[key] = (optional and one.right.optional, by | {one.by})
    needs = []
    for key, (optional, by) in found.items():
        namespace, product, group, resource, verb, names = key
        whole = found.get((*key[:5], ()))
        if names and whole is not None and (optional or not whole[0]):
            continue  # it is granted for any name
        needs.append(
            Need(
                namespace=namespace,
                product=product,
                group=group,
                resource=resource,
                verb=verb,
                names=names,
                optional=optional,
                by=tuple(sorted(by)),
            )
        )
    return tuple(sorted(needs))
