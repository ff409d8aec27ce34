"""Whether a person changed an object just now, by what the API server records of its fields.

A person's edit a moment ago means that somebody is at work: a remedy would work against them.
Controllers, autoscalers and deployment tools are told apart from people by the name of the field
manager they write as; whoever is in no list (`kubernetes.machines`) is taken for a person.

The API server keeps of everybody who wrote an object when that was last and which of its fields are
theirs: `edits` counts those who wrote, and `fields` are all that belong to the last of them. What
was written to the status alone changes nothing that is declared and is left out. Of whoever scaled
it (`kubectl scale`) the API server keeps no time: that counts where Homeostat saw it happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from pydantic import Field

from agent.ports.cluster import ClusterReader, Gone
from agent.ports.cluster_edits import paths_of, writers_of
from agent.ports.cluster_kinds import WORKLOADS, Ref, ref_of
from agent.ports.cluster_objects import Writer, WrittenMeta
from agent.ports.cluster_walking import ago
from agent.ports.cluster_workloads import GETS_WORKLOADS, got
from agent.ports.cluster_writers import edits
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Edits(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )
    since: Span = Field(default=timedelta(minutes=10), description="How far back edits count.")


class RecentEdits(Result):
    edits: int | None = Field(
        default=None, description="Edits within `since`, the last of each who made any."
    )
    by_people: int | None = Field(default=None, description="Those by people.")
    last_by: str | None = Field(default=None, description="Who made the last one.")
    last_ago: Span | None = Field(default=None, description="How long ago that was.")
    fields: list[str] | None = Field(
        default=None, description="Fields that are theirs who made the last one, as paths."
    )


@diagnostic(
    name="kubernetes.recent_edits",
    params=Edits,
    result=RecentEdits,
    summary="Who changed an object lately, people apart from machines",
    needs="kubernetes",
    rights=GETS_WORKLOADS,
)
async def recent_edits(kit: ReadKit, params: Edits) -> RecentEdits:
    ref = ref_of(params.target) or await kit.cluster.find(params.target)
    thing = await got(kit.cluster, ref) if ref.kind in WORKLOADS else None
    writers = writers_of(thing) if thing is not None else _kept_writers(kit.cluster, ref)
    if writers is None:
        return RecentEdits()
    now, machines = kit.cluster.now(), kit.cluster.machines()
    since = now - params.since.total_seconds()
    told = edits((*writers, *_seen(kit, ref, writers, now - since)), machines, since=since)
    # Times count in seconds: of two in one, the person's is the one to know of.
    found = sorted(told, key=lambda edit: (-edit.at, not edit.is_person))
    last = found[0] if found else None
    fields = None
    if thing is not None:
        fields = list(paths_of(thing, last.by, last.part, last.at)) if last is not None else []
    return RecentEdits(
        edits=len(found),
        by_people=sum(edit.is_person for edit in found),
        last_by=last.by if last is not None else None,
        last_ago=ago(now, last.at) if last is not None else None,
        fields=fields,
    )


def _seen(kit: ReadKit, ref: Ref, writers: Sequence[Writer], seconds: float) -> tuple[Writer, ...]:
    """Those whose writes have no time, with the time at which the watch told of them."""
    timeless = {writer.manager: writer for writer in writers if writer.time is None}
    name = kit.cluster.entity_of(ref.text) or ref.text
    found = []
    for change in kit.signals.changes(entity=name, since_seconds=max(seconds, 0.001)):
        is_its = change.is_manual and change.id.startswith(f"kubernetes:{ref.text}:")
        writer = timeless.pop(change.by, None) if is_its else None
        if writer is not None:
            at = datetime.fromtimestamp(kit.cluster.now() - change.seconds_ago, UTC)
            found.append(msgspec.structs.replace(writer, time=at))
    return tuple(found)


def _kept_writers(cluster: ClusterReader, ref: Ref) -> tuple[Writer, ...] | None:
    """Of what is watched anyhow. None: this kind is kept without them, as pods are."""
    kept = cluster.kept(ref.text)
    if kept is None:
        raise Gone(f"{ref.text} is not there, or not watched")
    meta = kept.thing.metadata
    return meta.managed_fields if isinstance(meta, WrittenMeta) else None
