"""A signed deployment reaches the running daemon, survives its death, and stands on the page."""

from __future__ import annotations

import asyncio
import copy
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, component, daemon
from tests.unit.plugins.sources.test_change_sources import APPLIED, DEPLOYED, SYNCED

pytestmark = pytest.mark.integration

SECRET = "a secret that only GitHub has"
TOKEN = "viewer-0123456789abcdef"
ROWS = f"""
principals:
  - {{name: github, roles: [sender], webhook_secret_file: github.secret}}
  - {{name: tools, roles: [sender, viewer], token: {TOKEN}}}
"""
GITHUB, ARGOCD, FLUX = (f"/webhook/changes/{name}" for name in ("github", "argocd", "flux"))
BEARER = {"authorization": f"Bearer {TOKEN}"}


def registered(name: str, **annotations: str) -> str:
    document = json.loads(component(name))
    document["metadata"]["annotations"] = annotations
    return json.dumps(document)


def of_github(body: bytes, **changed: str) -> dict[str, str]:
    right = hmac.digest(SECRET.encode(), body, "sha256").hex()
    return {
        "x-github-event": "deployment_status",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-hub-signature-256": f"sha256={right}",
        **changed,
    }


def secrets(folder: Path) -> None:
    for name, text in (("github.secret", SECRET), ("tokens.yaml", ROWS)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)


async def known(made: Daemon) -> list[tuple[str, str, str, str]]:
    found = await made.get("/api/v1/changes")
    return [(c["entity"], c["kind"], c["phase"], c["version"]) for c in found]


async def test_a_deployment_is_known_once_and_stands_on_the_page(tmp_path: Path) -> None:
    """F-SEC-02: what was taken before a crash is not taken again after it."""
    secrets(tmp_path)
    annotated = {"github.com/project-slug": "acme/checkout"}
    made = daemon(
        tmp_path,
        products=registered("till", **annotated),
        tokens_file="tokens.yaml",
        policy={"default_diagnostics": {"service": ["changes.recent"]}},
    )
    begun: dict[str, Any] = copy.deepcopy(DEPLOYED)
    begun["deployment_status"]["state"] = "in_progress"
    async with made as running:
        running.bearer = TOKEN
        await running.start()
        bodies = [json.dumps(each).encode() for each in (begun, DEPLOYED)]
        for body in bodies:
            assert await running.post(GITHUB, body, headers=of_github(body)) == 200
        expected = [("till", "release", "done", "f95f852bd8fc")]
        assert await known(running) == expected
        forged = of_github(bodies[0] + b" ")
        assert await running.post(GITHUB, bodies[1], headers=forged) == 401
        await running.kill()
        await running.start()
        assert await known(running) == expected
        again = of_github(bodies[1], **{"x-github-delivery": "another"})
        assert await running.post(GITHUB, bodies[1], headers=again) == 200
        assert await known(running) == expected
        await running.post("/webhook/alertmanager", alert("till"), headers=BEARER)
        incident = await running.until(product="till")
        page = await paged(running, incident["id"])
        assert "ago release of till by ada: deployed main (f95f852bd8fc)" in page


async def test_all_three_tell_the_same_agent(tmp_path: Path) -> None:
    secrets(tmp_path)
    made = daemon(tmp_path, products=component("checkout"), tokens_file="tokens.yaml")
    async with made as running:
        running.bearer = TOKEN
        await running.start()
        for path, body in ((ARGOCD, SYNCED), (FLUX, APPLIED)):
            assert await running.post(path, json.dumps(body), headers=BEARER) == 200
        wrong = {**BEARER, "x-signature": "sha256=" + "0" * 64}
        assert await running.post(FLUX, json.dumps(APPLIED), headers=wrong) == 401
        assert await running.post(ARGOCD, "{", headers=BEARER) == 400
        assert {row[0] for row in await known(running)} == {"checkout"}
        assert {row[3] for row in await known(running)} == {
            "f95f852bd8fc",
            "main@sha1:f95f852bd8fc",
        }
        binary = {
            **BEARER,
            "ce-specversion": "1.0",
            "ce-id": "7",
            "ce-source": "/ci",
            "ce-type": "homeostat.change",
        }
        change = {"product": "checkout", "entity": "checkout", "what": "flag on", "kind": "x"}
        assert await running.post("/webhook/events", json.dumps(change), headers=binary) == 200
        assert len(await known(running)) == 3


def alert(service: str) -> str:
    labels = {"alertname": "Slow", "service": service, "severity": "critical"}
    starts = "2026-01-01T00:00:00Z"
    one = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": starts}
    return json.dumps({"version": "4", "status": "firing", "receiver": "x", "alerts": [one]})


async def paged(running: Daemon, incident: str) -> str:
    for _ in range(100):
        texts = [page["text"] for page in running.pages if incident in json.dumps(page)]
        if texts:
            return str(texts[0])
        await asyncio.sleep(0.1)
    raise AssertionError(f"nobody was paged\n{running.output[-2000:]}")
