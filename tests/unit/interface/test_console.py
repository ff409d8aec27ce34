"""The console: escaped, reachable, live, and safe in a browser."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser

import pytest

from agent.interface.console.rendering import HERE
from agent.model.effect import OutcomeStatus
from agent.model.event import Acknowledged, Approved, Rejected, ResolvedByPerson
from agent.model.incident import Page, Radius, State, StepRun
from agent.model.learning import Promotion, PromotionState
from agent.model.on_call import Climb, OnCall, Rung, RungKind
from agent.model.policy import Freeze, Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.model.reason import Reason
from agent.model.records import Breaker, Storm
from tests.support.caller import calling
from tests.support.decisions import make_journal
from tests.support.facade import NOW, FakeAnswer, FakeFacade, burning, everyone, running
from tests.support.ladders import Fixed
from tests.support.periods import Raising
from tests.support.waiting import eventually

EVIL = "<script>alert(1)</script>'\"{{7*7}}</pre><img src=x onerror=alert(2)>"
HTML = {"Accept": "text/html"}


class Tags(HTMLParser):
    """Collects what would run: script and style elements, inline styles, event attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.inline: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]


def everything(facade: FakeFacade) -> tuple[object, ...]:
    page = Page(id="p", to=EVIL, channel=EVIL, at=NOW, text=EVIL, detail=EVIL)
    step = StepRun(
        id="s", use=EVIL, params={}, target=EVIL, by=EVIL, plan=EVIL, detail=EVIL,
        status=OutcomeStatus.DONE, started_at=NOW - 30,
    )  # fmt: skip
    incident = burning(
        "i-1",
        title=EVIL,
        severity=EVIL,
        entity=EVIL,
        runbook=EVIL,
        routed_to=EVIL,
        reason=Reason.NO_RUNBOOK,
        reason_text=EVIL,
        labels={"alertname": EVIL, EVIL: EVIL},
        annotations={EVIL: EVIL},
        findings={EVIL: {EVIL: EVIL, "n": [EVIL]}},
        pages=(page,),
        steps=(step,),
        radius=Radius.SYSTEMIC,
        suspect=EVIL,
        radius_path=(EVIL, "db", EVIL),
        radius_doubt=(EVIL,),
        climb=Climb(team=EVIL, rungs=LADDER, due=NOW),
    )
    return incident, make_journal("i-1", at=NOW - 40, text=EVIL, who=EVIL, kind=EVIL)


LADDER = (Rung(kind=RungKind.PERSON, to=EVIL), Rung(kind=RungKind.TEAM, to=EVIL))


def hostile_names(facade: FakeFacade) -> None:
    """As a catalog, a policy and the rotations of somebody else might have them."""
    view = facade.view
    entities = {
        name: Entity(
            name=name, kind=EntityKind.SERVICE, product=EVIL, owner=EVIL, depends_on=(EVIL, "db")
        )
        for name in (EVIL, "db")
    }
    product = Product(name=EVIL, builder=EVIL, tier="low")
    view.registry = Registry(products={**view.registry.products, EVIL: product}, entities=entities)
    view.policy = Policy(freezes=(Freeze(name=EVIL, period=Raising(), why=EVIL, allows=(EVIL,)),))
    view.breakers = {EVIL: Breaker(runbook=EVIL, use=EVIL, results=(False,), opened_at=NOW - 5)}
    view.storms = {EVIL: Storm(scope=EVIL, began_at=NOW - 5, last_at=NOW, why=EVIL, root="i-1")}
    view.on_call = OnCall(rotations={EVIL: Fixed(EVIL, text=EVIL)}, ladders={EVIL: LADDER})


PAGES = (
    "/", "/incidents/i-1", "/products", "/promotions", "/rails", "/on-call", "/?fragment=1",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
async def test_alert_text_stays_text(path: str) -> None:
    facade = FakeFacade()
    facade.view.promotions = {"p": promotion(document={"about": {"meaning": EVIL}}, why=EVIL)}
    hostile_names(facade)
    async with running(facade) as (_, url), calling(url) as caller:
        incident, journal = everything(facade)
        await facade.add(incident, journal)  # type: ignore[arg-type]
        reply = await caller.get(path, headers=HTML)
    assert reply.status == 200
    assert "text/html" in reply.headers["Content-Type"]
    tags = Tags()
    tags.feed(reply.text)
    assert not tags.inline
    assert all(src and src.startswith("/static/") for src in tags.scripts)
    assert "img" not in tags.tags or path != "/?fragment=1"
    assert "<script>alert" not in reply.text
    assert "onerror=alert(2)>" not in reply.text.replace("&gt;", "")
    assert "49" not in re.sub(r"\d{3,}", "", "".join(re.findall(r"alert\(1\).{0,40}", reply.text)))
    if path == "/incidents/i-1":
        assert "&lt;script&gt;" in reply.text


def promotion(**fields: object) -> Promotion:
    given: dict[str, object] = {
        "name": "p",
        "state": PromotionState.PROPOSED,
        "lifecycle": "shadow",
        "signature": "s",
        "recipe": "r",
        "product": "shop",
        "alertname": "Slow",
        "incidents": ("a",),
        "resolvers": ("ann",),
        "document": {"kind": "Runbook"},
        "proposed_at": NOW,
    }
    return Promotion(**(given | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_has_a_head(path: str) -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning("i-1"))
        assert (await caller.request("HEAD", path)).status == 200


async def test_static_files_and_nothing_else() -> None:
    async with running(FakeFacade()) as (_, url), calling(url) as caller:
        for name in ("console.css", "htmx.min.js", "hx-sse.min.js", "mark.svg"):
            assert (await caller.get(f"/static/{name}")).status == 200
        for name in ("HTMX-LICENSE.txt", "..%2f..%2frendering.py", "%2e%2e/rendering.py"):
            assert (await caller.get(f"/static/{name}")).status == 404


def test_no_file_of_the_console_names_another_host() -> None:
    for path in [*HERE.glob("templates/*"), *HERE.glob("static/*.css")]:
        assert "//" not in path.read_text().replace("://", "//") or path.suffix == ".svg", path


async def test_every_fragment_is_found_and_refetches_itself() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning("i-1"))
        for path in PAGES[:6]:
            text = (await caller.get(path, headers=HTML)).text
            bar, again = re.findall(r'hx-get="([^"]+)"', text)
            assert bar == "/console/halt"
            assert again == f"{path}?fragment=1"
            fragment = (await caller.get(again)).text
            assert "<html" not in fragment
            assert fragment.strip() in text


@pytest.mark.parametrize(
    ("wish", "form", "event"),
    [
        ("ack", {}, Acknowledged),
        ("resolve", {"cause": "c", "action": "a"}, ResolvedByPerson),
        ("approve", {}, Approved),
        ("reject", {"why": "w"}, Rejected),
    ],
)
async def test_buttons(wish: str, form: dict[str, str], event: type[object]) -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="admin-token") as caller:
        await facade.add(burning("i-1", state=State.AWAITING_APPROVAL))
        page = await caller.get("/incidents/i-1", headers=HTML)
        assert f'action="/incidents/i-1/{wish}"' in page.text
        reply = await caller.post(f"/incidents/i-1/{wish}", data=form)
    assert (reply.status, reply.headers["Location"]) == (303, "/incidents/i-1")
    assert isinstance(facade.asked[0], event)


async def test_buttons_that_would_be_refused_are_not_shown() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        await facade.add(burning("i-1", state=State.AWAITING_APPROVAL))
        text = (await caller.get("/incidents/i-1", headers=HTML)).text
        assert 'action="/incidents' not in text
        assert (await caller.post("/incidents/i-1/ack")).status == 403
        assert (await caller.post("/incidents/i-1/approve")).status == 403
    assert facade.asked == []


async def test_a_refusal_is_shown_on_the_page() -> None:
    answer = FakeAnswer(refused=Reason.MOVE_REFUSED, text="it is resolved")
    async with running(facade := FakeFacade(answer=answer)) as (_, url), calling(url) as caller:
        await facade.add(burning("i-1"))
        reply = await caller.post("/incidents/i-1/ack")
        assert reply.status == 409
        assert "it is resolved" in reply.text
        assert 'hx-get="/incidents/i-1?fragment=1"' in reply.text


async def test_signing_in_and_out() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url) as caller:
        sent_away = await caller.get("/", headers=HTML)
        assert (sent_away.status, sent_away.headers["Location"]) == (303, "/login")
        wrong = await caller.post("/login", data={"token": "wrong"})
        foreign = {"Origin": "http://evil.example"}
        token = {"token": "responder-token"}
        assert (await caller.post("/login", data=token, headers=foreign)).status == 403
        assert wrong.status == 401
        reply = await caller.post("/login", data={"token": "responder-token"})
        assert reply.status == 303
        cookie = reply.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "responder-token" not in cookie
        session = {"Cookie": cookie.split(";")[0]}
        await facade.add(burning("i-1"))
        page = await caller.get("/incidents/i-1", headers=session)
        assert "the-responder" in page.text
        path = "/incidents/i-1/ack"
        assert (await caller.post(path, headers=session)).status == 403
        evil = session | {"Origin": "http://evil.example"}
        assert (await caller.post(path, headers=evil)).status == 403
        ours = session | {"Origin": url}
        assert (await caller.post(path, headers=ours)).status == 303
        assert (await caller.post("/logout", headers=ours)).status == 303
        assert (await caller.get("/", headers=session)).status == 401
    assert [e.who for e in facade.asked] == ["the-responder"]  # type: ignore[union-attr]


async def test_without_tokens_other_sites_cannot_press_buttons() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning("i-1"))
        bad: tuple[dict[str, str], ...] = (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://["},
            {"Host": "evil.example"},
            {"Host": "["},
        )
        for headers in bad:
            assert (await caller.post("/incidents/i-1/ack", headers=headers)).status == 403
        assert (await caller.get("/", headers={"Host": "evil.example"})).status == 403
    assert facade.asked == []


async def lines(reader: asyncio.StreamReader, until: bytes) -> bytes:
    async with asyncio.timeout(3):
        return await reader.readuntil(until)


async def stream(
    port: int, path: str, *, token: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{bearer}\r\n".encode())
    head = await lines(reader, b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"text/event-stream" in head
    return reader, writer


async def test_events_are_streamed() -> None:
    facade = FakeFacade()
    async with running(facade) as (server, _):
        reader, writer = await stream(server.port, "/api/v1/events")
        await lines(reader, b": welcome\n\n")
        facade.tell("incident", "i-1\nx")
        said = await lines(reader, b"\n\n")
        assert b'event: notice\ndata: {"kind":"incident","subject":"i-1\\nx"}' in said
        writer.close()
        await eventually(lambda: not facade.streams, within=2, what="the stream is let go")


async def test_a_stream_tells_nobody_of_products_that_are_not_theirs() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (server, _):
        await facade.add(burning("shop-1", product="shop"))
        await facade.add(burning("pay-1", product="pay", state=State.RESOLVED, resolved_at=NOW))
        reader, writer = await stream(server.port, "/api/v1/events", token="pay-viewer-token")
        await lines(reader, b": welcome\n\n")
        for kind in ("incident", "promotion", "silence", "agent", "measure", "runbook_text"):
            facade.tell(kind, "shop-1")
        facade.tell("incident", "pay-1")
        said = await lines(reader, b"pay-1")
        assert b"shop-1" not in said
        writer.close()


async def test_the_console_folds_a_storm() -> None:
    facade = FakeFacade()
    async with running(facade) as (server, _):
        reader, writer = await stream(server.port, "/console/events")
        await lines(reader, b"event: news\ndata: {}\n\n")
        for number in range(500):
            facade.tell("incident", f"i-{number}")
        await asyncio.sleep(0.3)
        writer.close()
        rest = await reader.read(100_000)
        assert rest.count(b"event: news") <= 2


async def test_streams_end_with_the_server() -> None:
    facade = FakeFacade()
    async with running(facade) as (server, _):
        reader, writer = await stream(server.port, "/api/v1/events")
        async with asyncio.timeout(2):
            await server.stop()
        rest = await reader.read()
        assert rest.endswith(b"0\r\n\r\n")
        writer.close()
