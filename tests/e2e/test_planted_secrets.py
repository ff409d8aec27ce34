"""Canaries planted wherever a secret may live, and then every output of the real daemon swept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.catalog.products import load_registry
from agent.runtime.processes import Processes
from tests.support.daemon import Daemon, catalog, component, daemon, group, member
from tests.support.kits import RealClock
from tests.support.running import free_port
from tests.support.site import ROOT
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

WHERE = (
    "token_inline", "token_file", "token_person", "signing_key", "slack", "webhook_token_env",
    "webhook_url_file", "webhook_key", "smtp", "mqtt", "prometheus_url", "process_env",
    "process_argument", "generator_url", "broken_tokens", "wrong_token",
)  # fmt: skip
CANARY = {name: f"canary{at:02d}{hashlib.sha256(name.encode()).hexdigest()[:20]}"
          for at, name in enumerate(WHERE)}  # fmt: skip
KEY = f"whsec_{CANARY['signing_key']}AAAAAAAAAAAAAAAAAA=="
NOTIFIER_KEY = f"whsec_{CANARY['webhook_key']}AAAAAAAAAAAAAAAAAA=="

PLUGIN = """
from __future__ import annotations

import os

from agent.model.errors import Permanent
from agent.ports.plugin import Params, Result, diagnostic

SECRET = os.environ["PAGER_TOKEN"]


class Nothing(Params):
    pass


class Told(Result):
    lines: list[str]
    header: dict[str, str]


@diagnostic(name="leak.tell", params=Nothing, result=Told, summary="repeats a secret")
async def tell(kit, params):
    kit.log.warning("about to tell", password=SECRET, deep={"a": [SECRET]})
    return Told(lines=["fine", f"token={SECRET}"], header={"Authorization": f"Bearer {SECRET}"})


@diagnostic(name="leak.crash", params=Nothing, result=Told, summary="raises with a secret")
async def crash(kit, params):
    try:
        {}[SECRET]
    except KeyError as error:
        raise RuntimeError(f"login failed: {'x' * 460} {SECRET}") from error


@diagnostic(name="leak.refuse", params=Nothing, result=Told, summary="refuses with a secret")
async def refuse(kit, params):
    raise Permanent(f"the server said: wrong password {SECRET}")
"""
RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: leaky, owner: team-shop, layer: product, tier: low}
match: {alert: [Leaky]}
diagnose:
  - {id: told, use: leak.tell}
  - {id: crashed, use: leak.crash}
  - {id: refused, use: leak.refuse}
  - {id: log, use: process.recent_log, with: {target: web}}
  - {id: state, use: process.status, with: {target: web}}
decide: [{when: 'told.lines == ["no"]', plan: restart}, {default: escalate, why: a person looks}]
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: alert_cleared
"""


@dataclass
class Echo:
    """A receiver that says back what it was sent, and keeps the bodies (not the headers, which
    carry the proof)."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        said = {"you sent": dict(request.headers), "to": str(request.url)}
        return web.json_response(said, status=400, headers={"X-Echo": str(request.url)})


@asynccontextmanager
async def echoing() -> AsyncIterator[Echo]:
    echo = Echo()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        echo.port = runner.addresses[0][1]
        yield echo
    finally:
        await runner.cleanup()


def secret(folder: Path, name: str, text: str) -> dict[str, str]:
    path = folder / f"{name}.secret"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return {"file": str(path)}


def tokens(folder: Path, *, broken: bool = False) -> None:
    digest = hashlib.sha256(CANARY["token_person"].encode()).hexdigest()
    rows: list[dict[str, Any]] = [
        {"name": "inline", "roles": ["sender"], "token": CANARY["token_inline"]},
        {"name": "filed", "roles": ["admin"], "token_file": "token_file.secret"},
        {"name": "person", "roles": ["viewer"], "token_sha256": digest},
        {"name": "signer", "roles": ["sender"], "signing_key_file": "signing_key.secret"},
    ]
    if broken:
        name, text = {"name": "x", "roles": ["viewr"]}, CANARY["broken_tokens"]
        rows += [{**name, "tokn": text}, {**name, "token": text + " \t"}]
        rows.append({"name": CANARY["broken_tokens"], "roles": [], "token_sha256": "x"})
    path = folder / "tokens.yaml"
    path.write_text(json.dumps({"principals": rows}))
    path.chmod(0o600)


def settings(folder: Path, echo: Echo) -> dict[str, Any]:
    dead = free_port()
    url = f"http://127.0.0.1:{echo.port}/{CANARY['webhook_url_file']}"
    mail = {
        "host": "127.0.0.1", "port": dead, "sender": "a@example.org", "to": ["b@example.org"],
        "username": "u",
    }  # fmt: skip
    mqtt = {"host": "127.0.0.1", "port": dead, "username": "u"}
    mqtt["password_file"] = secret(folder, "mqtt", CANARY["mqtt"])["file"]
    webhook = {
        "use": "webhook",
        "secrets": {
            "url": secret(folder, "url", url),
            "token": {"env": "PAGER_TOKEN"},
            "signing_key": secret(folder, "key", NOTIFIER_KEY),
        },
    }
    email = {
        "use": "email",
        "with": mail,
        "secrets": {"password": secret(folder, "smtp", CANARY["smtp"])},
    }
    return {
        "tokens_file": "tokens.yaml",
        "slack_signing_secret": secret(folder, "slack", CANARY["slack"]),
        "prometheus_url": f"http://prom:{CANARY['prometheus_url']}@127.0.0.1:{dead}/",
        "sources": [{"use": "mqtt", "with": mqtt}],
        "notify": {"team-shop": [webhook, email, {"use": "file", "with": {"path": "pages.jsonl"}}]},
        "policy": {"page_hold": "0s"},
        "log": {"level": "debug", "format": "json"},
    }


def products() -> str:
    script = 'echo "FATAL: started with $DB_PASSWORD and $*"; exec sleep 600'
    process = {
        "command": ["/bin/sh", "-c", script, "web", f"--db-token={CANARY['process_argument']}"],
        "env": {"DB_PASSWORD": CANARY["process_env"]},
    }
    return catalog([component("web", process=process)])


async def command(made: Daemon, *words: str) -> bytes:
    """What a command of the command line says, on both of its outputs."""
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HOMEOSTAT_URL": made.url,
        "HOMEOSTAT_TOKEN": CANARY["token_file"],
        "PAGER_TOKEN": CANARY["webhook_token_env"],
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent", *words,
        cwd=made.folder, env=env,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said


@asynccontextmanager
async def planted(folder: Path) -> AsyncIterator[tuple[Daemon, Echo]]:
    async with (
        echoing() as echo,
        daemon(
            folder, products=products(), runbooks={"leaky": RUNBOOK},
            plugins={"diagnostics/leak": PLUGIN}, **settings(folder, echo),
        ) as made,
    ):  # fmt: skip
        made._env["PAGER_TOKEN"] = CANARY["webhook_token_env"]
        secret(folder, "token_file", CANARY["token_file"])
        secret(folder, "signing_key", KEY)
        tokens(folder)
        made.bearer = CANARY["token_file"]
        yield made, echo


async def start_web(made: Daemon) -> None:
    """The supervised process, which tells its secrets in the first line it writes."""
    registry, _ = load_registry([made.folder / "catalog" / "catalog-info.yaml"])
    state = made.var / "processes"
    processes = Processes(lambda: registry.entities, state, RealClock(), None)
    await processes.ensure_running(["web"])

    async def has_written() -> bool:
        return any("FATAL" in line for line in await processes.recent_log("web", lines=5))

    await eventually(has_written, within=10, what="the process has written")


async def drive(made: Daemon, echo: Echo) -> None:
    """Pages, failures, a plugin that crashes, wrong tokens, a body nobody can read, a reload with
    faults."""
    sender = {"Authorization": f"Bearer {CANARY['token_inline']}"}
    leaky = member("Leaky", starts_at=made.began, service="web")
    leaky["generatorURL"] = f"http://u:{CANARY['generator_url']}@prometheus/graph?g0.expr=up"
    novel = member("Novel", starts_at=made.began, service="web", note=CANARY["webhook_token_env"])
    novel["annotations"]["summary"] = f"cannot log in with {CANARY['smtp']}"
    body = json.dumps(group(leaky, novel))
    assert await made.post("/webhook/alertmanager", body, headers=sender) == 200
    wrong = {"Authorization": f"Bearer {CANARY['wrong_token']}"}
    assert await made.post("/webhook/alertmanager", body, headers=wrong) == 401
    unreadable = f"not json, but {CANARY['token_inline']}"
    assert await made.post("/webhook/alertmanager", unreadable, headers=sender) == 400
    assert (await made.ask("/api/v1/ledger", bearer=CANARY["wrong_token"]))[0] == 401

    async def is_told() -> bool:
        found = await made.incidents()
        return len(found) >= 2 and all(i["pages"] for i in found)

    await eventually(is_told, within=30, what=f"both are paged\n{made.output[-2000:]}")
    await eventually(lambda: echo.bodies, within=20, what="the receiver was asked")
    tokens(made.folder, broken=True)
    status, said = await made.ask("/-/reload", method="POST")
    assert status == 500
    assert said["faults"]
    tokens(made.folder)
    status, said = await made.ask("/-/reload", method="POST")
    assert status == 200, "\n".join(said["faults"])


ROUTES = (
    "/metrics", "/-/healthy", "/-/ready", "/api/v2/alerts", "/api/v2/alerts/groups",
    "/api/v2/silences", "/api/v2/status", "/api/v2/receivers", "/api/v1/incidents",
    "/api/v1/ledger", "/api/v1/runbooks", "/api/v1/products", "/api/v1/promotions",
    "/api/v1/halt", "/api/v1/breakers", "/", "/products", "/promotions", "/login",
)  # fmt: skip


async def outputs(made: Daemon, echo: Echo) -> dict[str, bytes]:
    """Everything that leaves the daemon or is kept by it, by name."""
    found: dict[str, bytes] = {}
    pages = [f"/incidents/{i['id']}" for i in await made.incidents()]
    pages += [f"/api/v1{page}" for page in pages]
    for path in (*ROUTES, *pages):
        status, said = await made.ask(path)
        assert status == 200, (path, status)
        found[path] = (said if isinstance(said, str) else json.dumps(said)).encode()
    for words in (
        ("check", "--format", "json"),
        ("doctor",),
        ("plugins", "--format", "json"),
        ("explain", "--alert", "Leaky", "--label", "service=web"),
        ("incidents", "list"),
        *(("incidents", "show", path.rpartition("/")[2]) for path in pages[:2]),
    ):
        found[" ".join(words)] = await command(made, *words)
    await made.stop()
    found["log"] = made.log.read_bytes()
    for file in sorted(made.var.rglob("*")):
        # What a process itself wrote is its own file; what is done with it is ours.
        if file.is_file() and "processes" not in file.relative_to(made.var).parts:
            found[str(file.relative_to(made.folder))] = file.read_bytes()
    found["pages.jsonl"] = b"".join(p.read_bytes() for p in made.folder.rglob("pages.jsonl"))
    found["pages sent"] = b"\n".join(echo.bodies)
    return found


async def test_no_output_holds_a_planted_secret(tmp_path: Path) -> None:
    """F-SEC-08: log, store, metrics, API, console, pages, command line; also the
    beginning of one, which is what is left where a text was cut."""
    async with planted(tmp_path) as (made, echo):
        await made.start()
        await start_web(made)
        await drive(made, echo)
        swept = await outputs(made, echo)
    leaks = [
        (where, name)
        for name, content in swept.items()
        for where, canary in CANARY.items()
        if canary[:10].encode() in content
    ]
    assert leaks == []
    # The sweep saw what it was to see: what stood around the secrets is there, and they are not.
    incident = next(
        t for n, t in swept.items() if n.startswith("/api/v1/incidents/") and b"Leaky of" in t
    )
    for around in (b"token=***", b"Bearer ***", b"login failed", b"wrong password ***"):
        assert around in incident, around
    assert b"started with *** and" in incident
    assert b"about to tell" in swept["log"]
    assert b"KeyError" in swept["log"]
    assert b"cannot log in with ***" in swept["/api/v2/alerts"]
    assert b"Novel" in swept["pages sent"]
    assert len(swept["var/homeostat.db"]) > 10_000


async def test_a_token_is_replaced_without_a_restart(tmp_path: Path) -> None:
    """The old token is refused from the reload on, the new one is taken, and whoever is signed in
    with the old one is not any more."""
    old, new = CANARY["token_inline"], CANARY["token_file"]
    products = catalog([component("web")])
    async with daemon(tmp_path / "d", products=products, tokens_file="tokens.yaml") as made:

        def write(*given: str) -> None:
            rows = [{"name": "ops", "roles": ["admin"], "tokens": [{"token": t} for t in given]}]
            (made.folder / "tokens.yaml").write_text(json.dumps({"principals": rows}))
            (made.folder / "tokens.yaml").chmod(0o600)

        async def status(token: str) -> int:
            return (await made.ask("/api/v1/ledger", bearer=token))[0]

        async def is_refused(token: str) -> bool:
            return await status(token) == 401

        write(old)
        made.bearer = old
        await made.start()
        assert (await status(old), await status(new)) == (200, 401)
        write(old, new)
        done, said = await made.ask("/-/reload", method="POST")
        assert done == 200, said
        assert (await status(old), await status(new)) == (200, 200)
        write(new)  # and nobody asks for a reload: the file is watched
        await eventually(lambda: is_refused(old), within=15, what="the old token is refused")
        assert await status(new) == 200
        made.bearer = new
