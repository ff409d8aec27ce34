"""The ConfigMaps and Secrets a workload reads: what changed, and whether its pods know.

Kubernetes keeps no history of these objects. A good copy is there where names change with the
content, as kustomize writes them: it is what the last revision with other names used, if those
ConfigMaps still exist and the workload was available with them for an hour. ConfigMaps that are
changed in place have none, nor has what no Deployment rolls out.

Who changed a ConfigMap last, and when, the API server says in each of them. Secrets are not read:
of them only the names count, and whether one has changed is not known. So where a workload uses
Secrets, what would need them to be as before (`changed: false`, `loaded: true`) is unknown.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.model.errors import Permanent
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.cluster import Json
from agent.ports.cluster_configs import (
    MOST_LINES,
    Changed,
    Earlier,
    Used,
    difference,
    earlier,
    is_loaded,
    last_change,
    paired,
    used_by,
    was_good,
)
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_questions import GETS_WORKLOADS, LISTS_PODS, Workload, workload
from agent.ports.cluster_walking import ago, condition_of, moment, text
from agent.ports.cluster_writers import is_person
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

CONFIG_MAP = "configmap"
MOST_CONFIG_MAPS = 50
CHANGES_SECONDS = 30 * 86_400.0


class Configured(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )


class ConfigState(Result):
    known: bool | None = Field(default=None, description="There is a good copy to compare with.")
    changed: bool | None = Field(
        default=None, description="What is declared differs from the good copy."
    )
    changed_ago: Span | None = Field(
        default=None, description="How long ago one of its ConfigMaps was written."
    )
    changed_by: str | None = Field(default=None, description="Who changed it.")
    changed_by_person: bool | None = Field(default=None, description="Whether that is a person.")
    source: str | None = Field(
        default=None, description="The object that changed, as in `prod-a/configmap/web`."
    )
    loaded: bool | None = Field(default=None, description="All pods run with what is declared now.")
    diff: list[str] | None = Field(
        default=None, description="From good to now: at most 20 lines, of ConfigMaps only."
    )


@diagnostic(
    name="kubernetes.config_state",
    params=Configured,
    result=ConfigState,
    summary="What changed in a workload's configuration since it was last well",
    needs="kubernetes",
    rights=(
        *GETS_WORKLOADS,
        LISTS_PODS,
        Right(kind="replicaset", verbs=("list",)),
        Right(kind=CONFIG_MAP, verbs=("get",)),
    ),
)
async def config_state(kit: ReadKit, params: Configured) -> ConfigState:
    owner = await workload(kit.cluster, params.target)
    space = owner.ref.namespace
    declared = used_by(owner.template)
    now_there = await _got(kit, space, declared.config_maps)
    pods = await owner.pods(kit.cluster)
    found = _Found(declared=declared, now=now_there)
    before = await _good(kit, owner, declared)
    if before is not None:
        found.compare(await _got(kit, space, before.used.config_maps), before)
    change = last_change(found.now[name] for name in sorted(found.suspects) if name in found.now)
    return ConfigState(
        known=found.is_known,
        changed=found.changed,
        changed_ago=ago(kit.cluster.now(), change.at if change is not None else None),
        changed_by=change.by or None if change is not None else None,
        changed_by_person=_by_person(kit, change),
        source=Ref(CONFIG_MAP, change.name, space).text if change is not None else None,
        loaded=is_loaded(declared, pods, now_there) if len(now_there) == found.wanted else None,
        diff=list(found.lines[:MOST_LINES]) if found.is_known else None,
    )


class _Found:
    """What is declared now, and what the comparison with the good copy says of it."""

    def __init__(self, *, declared: Used, now: dict[str, Json]) -> None:
        self.declared, self.now = declared, now
        self.wanted = len(declared.config_maps)
        self.is_known = False
        self.changed: bool | None = None
        self.lines: tuple[str, ...] = ()
        self.suspects = set(declared.config_maps)
        """Of which one is told to be what changed."""

    def compare(self, good: dict[str, Json], before: Earlier) -> None:
        pairs = paired(before.used.config_maps, self.declared.config_maps)
        whole = len(good) == len(before.used.config_maps) and len(self.now) == self.wanted
        if pairs is None or not whole or not all(map(before.is_of_then, good.values())):
            return  # a copy that is gone, written since, or of something else tells nothing
        differing = {
            new: difference(good.get(old, {}), self.now.get(new, {})) for old, new in pairs
        }
        self.is_known = True
        self.lines = tuple(line for lines in differing.values() for line in lines)
        self.suspects = {name for name, lines in differing.items() if lines} or self.suspects
        if self.lines:
            self.changed = True
        elif not self.declared.secrets:
            self.changed = False


async def _got(kit: ReadKit, namespace: str, names: tuple[str, ...]) -> dict[str, Json]:
    if len(names) > MOST_CONFIG_MAPS:
        raise Permanent(f"more than {MOST_CONFIG_MAPS} ConfigMaps of one workload")
    found = {}
    for name in names:
        config_map = await kit.cluster.get(Ref(CONFIG_MAP, name, namespace))
        if config_map is not None:
            found[name] = config_map
    return found


async def _good(kit: ReadKit, owner: Workload, declared: Used) -> Earlier | None:
    """The revision before that used other ConfigMaps, where it was well with them for an hour."""
    if owner.ref.kind != "deployment":
        return None
    sets = await kit.cluster.list("replicaset", namespace=owner.ref.namespace, most=5000)
    found = earlier(sets, text(owner.thing, "metadata", "uid"), declared)
    available = condition_of(owner.thing, "Available")
    since = moment(available, "lastTransitionTime") if text(available, "status") == "True" else None
    if found is None or not was_good(found, available_since=since, done_at=_done(kit, owner)):
        return None
    return found


def _done(kit: ReadKit, owner: Workload) -> tuple[float, ...]:
    """When rollouts of it were complete, as far as they were told."""
    entity = kit.cluster.entity_of(owner.ref.text)
    if entity is None:
        return ()
    now = kit.cluster.now()
    told = kit.signals.changes(entity=entity, since_seconds=CHANGES_SECONDS)
    return tuple(
        now - change.seconds_ago
        for change in told
        if change.kind is ChangeKind.RELEASE
        and change.phase is ChangePhase.DONE
        and change.what.startswith(f"{owner.ref.text}: ")
    )


def _by_person(kit: ReadKit, change: Changed | None) -> bool | None:
    if change is None or not change.by:
        return None
    return is_person(change.by, kit.cluster.machines())
