"""What GitHub, Argo CD and Flux say of a change, and whatever else may come to their addresses."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given

from agent.model.alert import Change
from agent.model.errors import Unparseable
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.plugin import PushSource
from plugins.sources.argocd_changes import receive as argocd
from plugins.sources.flux_changes import receive as flux
from plugins.sources.github_changes import receive as github
from tests.support.hostile import ANY_JSON, mutated, readable_or_refused

SHA = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
JSON = {"content-type": "application/json"}

DEPLOYED: dict[str, Any] = {
    "action": "created",
    "deployment_status": {
        "id": 9,
        "state": "success",
        "description": "",
        "environment": "production",
        "target_url": "https://ci.example/1",
        "log_url": "https://ci.example/1/log",
        "created_at": "2026-03-01T10:00:00Z",
        "creator": {"login": "github-actions[bot]"},
    },
    "deployment": {
        "id": 145988746,
        "sha": SHA,
        "ref": "main",
        "task": "deploy",
        "payload": {"any": ["thing"]},
        "environment": "production",
        "production_environment": True,
        "created_at": "2026-03-01T09:58:00Z",
    },
    "repository": {"id": 1, "full_name": "acme/checkout", "name": "checkout"},
    "sender": {"login": "ada", "type": "User"},
}
RELEASED: dict[str, Any] = {
    "action": "published",
    "release": {
        "id": 7,
        "tag_name": "v1.4.2",
        "name": "Spring",
        "html_url": "https://hub.example/acme/checkout/releases/v1.4.2",
        "draft": False,
        "prerelease": False,
        "published_at": "2026-03-01T10:00:00Z",
    },
    "repository": {"full_name": "acme/checkout"},
    "sender": {"login": "ada"},
}
SYNCED: dict[str, Any] = {
    "app": "checkout",
    "phase": "Succeeded",
    "revision": SHA,
    "previous": "0" * 40,
    "destination": "prod",
    "by": "ada",
    "message": "successfully synced",
    "at": "2026-03-01T10:00:00Z",
    "link": "https://argo.example/applications/checkout",
}
APPLIED: dict[str, Any] = {
    "involvedObject": {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "name": "checkout",
        "namespace": "apps",
        "uid": "7d0cdc51-ddcf-4743-b223-83ca5c699632",
    },
    "metadata": {"kustomize.toolkit.fluxcd.io/revision": f"main@sha1:{SHA}", "summary": "x"},
    "severity": "info",
    "reason": "ReconciliationSucceeded",
    "message": "Reconciliation finished in 53ms, next run in 10m0s",
    "reportingController": "kustomize-controller",
    "reportingInstance": "kustomize-controller-7c7b47f5f-8bhrp",
    "timestamp": "2026-03-01T10:00:00Z",
}


def with_changes(body: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the values under these dotted paths; None takes one away."""
    made = copy.deepcopy(dict(body))
    for path, value in changes.items():
        *parents, last = path.split(".")
        part = made
        for name in parents:
            part = part[name]
        if value is ...:
            del part[last]
        else:
            part[last] = value
    return made


def said(source: PushSource, body: object, **headers: str) -> list[Change]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = source.signals(json.dumps(body).encode(), {**JSON, **named})
    assert all(isinstance(each, Change) for each in found)
    return [each for each in found if isinstance(each, Change)]


def deployed(event: str = "deployment_status", **changes: Any) -> list[Change]:
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    return said(github, with_changes(DEPLOYED, paths), x_github_event=event)


# GitHub


def test_a_deployment_that_is_done() -> None:
    assert deployed() == [
        Change(
            product="",
            entity="acme/checkout",
            what="deployed main (f95f852bd8fc) to production",
            by="ada",
            kind=ChangeKind.RELEASE,
            version="f95f852bd8fc",
            phase=ChangePhase.DONE,
            link="https://ci.example/1/log",
            sent_at=1772359200.0,
            id="github:acme/checkout:deployment:145988746",
        )
    ]


@pytest.mark.parametrize(
    ("state", "phase", "what"),
    [
        ("in_progress", ChangePhase.STARTED, "deploying main (f95f852bd8fc) to production"),
        ("failure", ChangePhase.FAILED, "could not deploy main (f95f852bd8fc) to production"),
        ("error", ChangePhase.FAILED, "could not deploy main (f95f852bd8fc) to production"),
    ],
)
def test_its_other_phases_are_the_same_change(state: str, phase: ChangePhase, what: str) -> None:
    [change] = deployed(deployment_status__state=state)
    assert (change.phase, change.what) == (phase, what)
    assert change.id == deployed()[0].id == deployed("deployment", deployment_status=...)[0].id


@pytest.mark.parametrize("state", ["queued", "pending", "inactive", "waiting", "new-word"])
def test_what_says_nothing_about_what_runs(state: str) -> None:
    assert deployed(deployment_status__state=state) == []


@pytest.mark.parametrize(
    ("environment", "flag", "elsewhere"),
    [
        ("production", True, False),
        ("eu-west", False, False),
        ("staging", False, True),
        ("Preview-12", False, True),
        ("test-eu", True, False),
        ("github-pages", None, False),
        ("developers", False, False),
    ],
)
def test_where_it_was_deployed(environment: str, flag: bool | None, elsewhere: bool) -> None:
    [change] = deployed(
        deployment_status__environment=environment, deployment__production_environment=flag
    )
    assert change.is_elsewhere is elsewhere
    assert change.what.endswith(f" to {environment}")


def test_a_release_and_what_is_none() -> None:
    [change] = said(github, RELEASED, x_github_event="release")
    assert (change.version, change.what, change.by) == (
        "v1.4.2",
        "release v1.4.2 published (Spring)",
        "ada",
    )
    early = with_changes(RELEASED, {"release.prerelease": True})
    assert said(github, early, x_github_event="release")[0].is_elsewhere
    for none in ({"action": "edited"}, {"release.draft": True}):
        assert said(github, with_changes(RELEASED, none), x_github_event="release") == []


@pytest.mark.parametrize("event", ["ping", "push", "workflow_run", "some_event_of_tomorrow"])
def test_other_events_mean_nothing(event: str) -> None:
    assert said(github, {"zen": "Keep it logically awesome."}, x_github_event=event) == []


def test_null_where_github_has_nothing() -> None:
    names = ("description", "environment", "log_url", "target_url", "created_at")
    nothing: dict[str, Any] = {f"deployment_status__{name}": None for name in names}
    [change] = deployed(**nothing, sender=None, deployment__ref=None, deployment__environment=None)
    assert (change.by, change.link, change.sent_at) == ("", "", None)
    assert change.what == "deployed f95f852bd8fc to production"


def test_a_form_is_told_what_to_set() -> None:
    headers = {"x-github-event": "ping", "content-type": "application/x-www-form-urlencoded"}
    with pytest.raises(Unparseable, match="content type of the webhook") as caught:
        github.signals(b"payload=%7B%7D", headers)
    assert caught.value.where == "header content-type"
    with pytest.raises(Unparseable) as caught:
        github.signals(b"{}", {"content-type": "application/json"})
    assert caught.value.where == "header x-github-event"


# Argo CD


def test_a_sync_that_is_done() -> None:
    assert said(argocd, SYNCED) == [
        Change(
            product="",
            entity="checkout",
            what="synced f95f852bd8fc to prod",
            by="ada",
            kind=ChangeKind.RELEASE,
            version="f95f852bd8fc",
            before="000000000000",
            link="https://argo.example/applications/checkout",
            sent_at=1772359200.0,
            id="argocd:checkout:2026-03-01T10:00:00+00:00",
        )
    ]


def test_phases_of_a_sync() -> None:
    [begun] = said(argocd, {**SYNCED, "phase": "Running"})
    assert begun.phase is ChangePhase.STARTED
    for phase in ("Failed", "Error"):
        [failed] = said(argocd, {**SYNCED, "phase": phase, "message": "no such image"})
        assert failed.phase is ChangePhase.FAILED
        assert failed.what == "could not sync f95f852bd8fc to prod: no such image"
    assert said(argocd, {**SYNCED, "phase": "Terminating"}) == []


def test_a_sync_of_several_sources_by_itself() -> None:
    bare: dict[str, Any] = dict.fromkeys(SYNCED)
    told = {**bare, "app": "checkout", "phase": "Succeeded", "revision": [SHA, "1.2.3", ""]}
    [change] = said(argocd, told)
    assert (change.version, change.by) == ("f95f852bd8fc, 1.2.3", "argocd")
    assert said(argocd, {**SYNCED, "destination": "checkout-staging"})[0].is_elsewhere


# Flux


def test_what_a_kustomization_applied() -> None:
    assert said(flux, APPLIED) == [
        Change(
            product="",
            entity="apps/checkout",
            what="Kustomization ReconciliationSucceeded: "
            "Reconciliation finished in 53ms, next run in 10m0s",
            by="kustomize-controller",
            kind=ChangeKind.RELEASE,
            version="main@sha1:f95f852bd8fc",
            sent_at=1772359200.0,
            id="flux:apps/checkout:2026-03-01T10:00:00+00:00",
        )
    ]


@pytest.mark.parametrize(
    ("kind", "severity", "reason", "phase"),
    [
        ("HelmRelease", "info", "UpgradeSucceeded", ChangePhase.DONE),
        ("HelmRelease", "info", "RollbackSucceeded", ChangePhase.ROLLED_BACK),
        ("HelmRelease", "error", "UpgradeFailed", ChangePhase.FAILED),
        ("Kustomization", "error", "HealthCheckFailed", ChangePhase.FAILED),
        ("Kustomization", "info", "Progressing", ChangePhase.STARTED),
        ("Kustomization", "error", "DependencyNotReady", None),
        ("HelmRelease", "info", "TestSucceeded", None),
        ("GitRepository", "info", "NewArtifact", None),
        ("GitRepository", "error", "GitOperationFailed", None),
    ],
)
def test_reasons_of_flux(kind: str, severity: str, reason: str, phase: ChangePhase | None) -> None:
    told = {"involvedObject.kind": kind, "severity": severity, "reason": reason}
    found = said(flux, with_changes(APPLIED, told))
    assert [change.phase for change in found] == ([phase] if phase is not None else [])


def test_the_revision_with_and_without_its_group() -> None:
    for metadata, version in (({"revision": "1.2.3"}, "1.2.3"), ({}, ""), (None, "")):
        assert said(flux, {**APPLIED, "metadata": metadata})[0].version == version


# whatever else may come

GOOD = [
    (github, DEPLOYED, {"x-github-event": "deployment_status"}),
    (github, RELEASED, {"x-github-event": "release"}),
    (argocd, SYNCED, {}),
    (flux, APPLIED, {}),
]


@pytest.mark.parametrize(
    ("case", "path", "value", "where"),
    [
        (0, "deployment.id", "7", "$.deployment.id"),
        (0, "deployment_status.state", 1, "$.deployment_status.state"),
        (0, "deployment_status.created_at", "now", "$.deployment_status.created_at"),
        (0, "deployment_status", None, "$.deployment_status"),
        (0, "repository", None, "$.repository"),
        (0, "repository.full_name", "", "$.repository.full_name"),
        (1, "release.tag_name", ["v1"], "$.release.tag_name"),
        (2, "app", "", "$.app"),
        (2, "revision", {"a": 1}, "$.revision"),
        (3, "involvedObject.name", "", "$.involvedObject.name"),
        (3, "metadata", {"revision": 1}, "$.metadata[...]"),
    ],
)
def test_names_the_field(case: int, path: str, value: Any, where: str) -> None:
    source, good, headers = GOOD[case]
    body = json.dumps(with_changes(good, {path: value})).encode()
    with pytest.raises(Unparseable) as caught:
        source.signals(body, {**JSON, **headers})
    assert caught.value.where == where


@pytest.mark.parametrize("body", [b"", b"x", b"null", b"[]", b"\xff", b"[" * 100_000, b"1e999"])
@pytest.mark.parametrize("case", range(4))
def test_unreadable(case: int, body: bytes) -> None:
    source, _, headers = GOOD[case]
    with pytest.raises(Unparseable) as caught:
        source.signals(body, {**JSON, **headers})
    assert caught.value.where


def read_all(body: bytes) -> None:
    for source, _, headers in GOOD:
        readable_or_refused(partial(source.signals, headers={**JSON, **headers}), body)


@pytest.mark.parametrize("case", range(4))
@given(data=...)
def test_any_bytes(case: int, data: bytes) -> None:
    read_all(data)


@given(mutated(json.dumps(DEPLOYED).encode()))
def test_any_damage_to_a_deployment(data: bytes) -> None:
    read_all(data)


@given(mutated(json.dumps(APPLIED).encode()))
def test_any_damage_to_an_event_of_flux(data: bytes) -> None:
    read_all(data)


@given(ANY_JSON, ANY_JSON)
def test_any_json(value: Any, other: Any) -> None:
    for body in (
        value,
        {**DEPLOYED, "deployment_status": value, "sender": other},
        {**DEPLOYED, "deployment": value},
        {**RELEASED, "release": value},
        {**SYNCED, "revision": value, "by": other},
        {**APPLIED, "involvedObject": value, "metadata": other},
    ):
        read_all(json.dumps(body).encode())
