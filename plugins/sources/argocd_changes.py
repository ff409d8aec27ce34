"""Argo CD notifications, by the template in `deploy/changes/argocd.yaml`.

| field | |
|---|---|
| `app` | name of the application: the entity, or what one declares as `argocd/app-name` |
| `phase` | of its operation: Running, Succeeded, Failed, Error; Terminating says nothing yet |
| `revision`, `previous` | what is synced and what was before; a list where it has several sources |
| `destination` | namespace, or cluster and namespace; what is no production has no release |
| `by` | who started it; empty: it syncs by itself |
| `message`, `at`, `link` | |

Any of them but `app` and `phase` may be null.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.model.alert import Change, Signal
from agent.model.errors import Unparseable
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.change_words import is_elsewhere, short
from agent.ports.plugin import push_source
from agent.ports.wire import Moment, moment, read

MOST_REVISIONS = 8
PHASES = {
    "Running": ChangePhase.STARTED,
    "Succeeded": ChangePhase.DONE,
    "Failed": ChangePhase.FAILED,
    "Error": ChangePhase.FAILED,
}
WORDS = {
    ChangePhase.STARTED: "syncing",
    ChangePhase.DONE: "synced",
    ChangePhase.FAILED: "could not sync",
}


class Sync(msgspec.Struct, kw_only=True):
    app: str
    phase: str
    revision: str | list[str] | None = None
    previous: str | list[str] | None = None
    destination: str | None = None
    by: str | None = None
    message: str | None = None
    at: Moment | None = None
    link: str | None = None


SYNCS = msgspec.json.Decoder(Sync)


@push_source(
    name="argocd",
    path="/webhook/changes/argocd",
    summary="Argo CD notifications: syncs of applications",
)
def receive(body: bytes) -> Sequence[Signal]:
    told = read(SYNCS, body)
    if not told.app:
        raise Unparseable("must not be empty", where="$.app")
    phase = PHASES.get(told.phase)
    if phase is None:
        return []
    version, destination = _version(told.revision), told.destination or ""
    what = f"{WORDS[phase]} {version}".rstrip()
    if destination:
        what += f" to {destination[:100]}"
    if phase is ChangePhase.FAILED and told.message:
        what += f": {told.message}"
    change = Change(
        product="",
        entity=told.app,
        what=what,
        by=told.by or "argocd",
        kind=ChangeKind.RELEASE,
        version=version,
        before=_version(told.previous),
        phase=phase,
        link=told.link or "",
        sent_at=moment(told.at),
        id=f"argocd:{told.app}:{told.at.isoformat()}" if told.at is not None else "",
        is_elsewhere=is_elsewhere(destination),
    )
    return [change]


def _version(revision: str | list[str] | None) -> str:
    if isinstance(revision, list):
        return ", ".join(short(each) for each in revision[:MOST_REVISIONS] if each)
    return short(revision or "")
