"""Webhooks of GitHub: what was deployed and released from a repository.

| event | becomes |
|---|---|
| `deployment_status` success, failure or error, in_progress | a release done, failed, begun |
| `deployment` created | a release begun |
| `release` published or released | a release done; a prerelease is told and is none |
| `ping` and all others | nothing |

A release is of whoever is registered under the repository's name (core/changed.py). Deployments to
an environment that is not production are told and are no release of it. `queued`, `pending` and
`inactive` say nothing about what runs.

GitHub signs with the secret of the webhook. Its content type has to be `application/json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agent.model.alert import Change, Signal
from agent.model.errors import Unparseable
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.change_words import is_elsewhere, short
from agent.ports.plugin import push_source
from agent.ports.wire import Moment, moment, read

EVENT = "x-github-event"
DELIVERY = "x-github-delivery"
SIGNATURE = "x-hub-signature-256"
FORM = "application/x-www-form-urlencoded"

PHASES = {
    "in_progress": ChangePhase.STARTED,
    "success": ChangePhase.DONE,
    "failure": ChangePhase.FAILED,
    "error": ChangePhase.FAILED,
}
WORDS = {
    ChangePhase.STARTED: "deploying {} to {}",
    ChangePhase.DONE: "deployed {} to {}",
    ChangePhase.FAILED: "could not deploy {} to {}",
}


class Account(msgspec.Struct, kw_only=True):
    login: str = ""


class Repository(msgspec.Struct, kw_only=True):
    full_name: str


class Deployment(msgspec.Struct, kw_only=True):
    id: int
    sha: str = ""
    ref: str | None = None
    environment: str | None = None
    production_environment: bool | None = None
    created_at: Moment | None = None


class Status(msgspec.Struct, kw_only=True):
    state: str
    description: str | None = None
    environment: str | None = None
    log_url: str | None = None
    target_url: str | None = None
    created_at: Moment | None = None


class Release(msgspec.Struct, kw_only=True):
    id: int
    tag_name: str
    name: str | None = None
    html_url: str | None = None
    draft: bool = False
    prerelease: bool = False
    published_at: Moment | None = None


class Message(msgspec.Struct, kw_only=True):
    repository: Repository
    sender: Account | None = None
    action: str | None = None

    @property
    def by(self) -> str:
        return self.sender.login if self.sender is not None else ""


class OfDeployment(Message, kw_only=True):
    deployment: Deployment
    deployment_status: Status | None = None


class OfRelease(Message, kw_only=True):
    release: Release


DEPLOYMENTS = msgspec.json.Decoder(OfDeployment)
RELEASES = msgspec.json.Decoder(OfRelease)


@push_source(
    name="github",
    path="/webhook/changes/github",
    summary="GitHub webhooks: deployment_status, deployment, release",
    headers=(EVENT, "content-type"),
    signature=SIGNATURE,
    delivery=DELIVERY,
)
def receive(body: bytes, headers: Mapping[str, str]) -> Sequence[Signal]:
    if headers.get("content-type", "").lower().startswith(FORM):
        raise Unparseable(
            "sent as a form: set the content type of the webhook to application/json",
            where="header content-type",
        )
    event = headers.get(EVENT, "")
    if not event:
        raise Unparseable(
            "missing: this address is for webhooks of GitHub", where=f"header {EVENT}"
        )
    if event == "release":
        return released(read(RELEASES, body))
    if event in ("deployment", "deployment_status"):
        told = read(DEPLOYMENTS, body)
        if event == "deployment_status" and told.deployment_status is None:
            raise Unparseable("missing", where="$.deployment_status")
        return deployed(told)
    return []


def deployed(told: OfDeployment) -> list[Signal]:
    status, deployment = told.deployment_status, told.deployment
    phase = PHASES.get(status.state) if status is not None else ChangePhase.STARTED
    if phase is None or not _repository(told):
        return []
    environment = (status and status.environment) or deployment.environment or "production"
    version = short(deployment.sha)
    what = WORDS[phase].format(_ref(deployment, version), environment[:100])
    if status is not None and phase is ChangePhase.FAILED and status.description:
        what += f": {status.description}"
    change = Change(
        product="",
        entity=told.repository.full_name,
        what=what,
        by=told.by,
        kind=ChangeKind.RELEASE,
        version=version,
        phase=phase,
        link=(status and (status.log_url or status.target_url)) or "",
        sent_at=moment(status.created_at if status is not None else deployment.created_at),
        id=f"github:{told.repository.full_name}:deployment:{deployment.id}",
        is_elsewhere=not deployment.production_environment and is_elsewhere(environment),
    )
    return [change]


def _ref(deployment: Deployment, version: str) -> str:
    ref = short(deployment.ref or "")
    return f"{ref} ({version})" if ref and version and ref != version else ref or version


def released(told: OfRelease) -> list[Signal]:
    release = told.release
    is_out = told.action in ("published", "released") and not release.draft
    if not is_out or not _repository(told):
        return []
    kind = "prerelease" if release.prerelease else "release"
    name = f" ({release.name})" if release.name and release.name != release.tag_name else ""
    change = Change(
        product="",
        entity=told.repository.full_name,
        what=f"{kind} {release.tag_name} published{name}",
        by=told.by,
        kind=ChangeKind.RELEASE,
        version=release.tag_name,
        link=release.html_url or "",
        sent_at=moment(release.published_at),
        id=f"github:{told.repository.full_name}:release:{release.id}",
        is_elsewhere=release.prerelease,
    )
    return [change]


def _repository(told: Message) -> str:
    if not told.repository.full_name:
        raise Unparseable("must not be empty", where="$.repository.full_name")
    return told.repository.full_name
