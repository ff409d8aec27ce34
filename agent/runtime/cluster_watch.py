"""List and watch one kind of object in one namespace, for as long as the daemon lives.

A list tells everything there is and the version it is of; the watch tells what changes from there
on. Bookmarks keep the version young. Everything is listed again every few minutes, whatever the
watch says; when the version is too old, told as status 410 or as an event in the stream; and when
nothing came for longer than bookmarks take, since a watch may hang without an end. The client's own
watch is not used: it loses events (kubernetes-client issues 502, 728, 801, 2223).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from agent.catalog.cluster_document import ClusterSettings
from agent.model.errors import HomeostatError, Permanent, Temporary
from agent.ports.clock import Clock
from agent.ports.cluster_kinds import KINDS, Ref, path_of
from agent.ports.cluster_objects import SHAPES, Kept, Thing, Workload
from agent.ports.cluster_slim import slimmed
from agent.ports.cluster_templates import template_digest
from agent.ports.pauses import wait_seconds
from agent.runtime.cluster_connection import ClusterConnection

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger("cluster")

PAGE = 200
"""A page of pods is some megabytes of JSON, held while it is read."""
WATCH_SECONDS = 240
"""The server ends a watch after so long, and it is begun again."""
LONGEST_LINE_BYTES = 16 * 1024 * 1024
LONGEST_WISH_SECONDS = 300.0
"""A server that asks to be left alone for longer is asked again all the same."""
SHORTEST_SECONDS = 5.0
"""A watch that ended sooner was not worth beginning."""
FORBIDDEN_PAUSE_SECONDS = 60.0
"""Rights may be granted while we run."""
FIRST_REFUSAL_PAUSE_SECONDS = 3.0
"""An API server that has just started refuses what it has not read the Roles of yet."""
GONE, FORBIDDEN, NOT_FOUND = 410, 403, 404


class ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct):
    metadata: ListMeta
    items: tuple[msgspec.Raw, ...] | None = ()


class Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Marked(msgspec.Struct):
    """Of a bookmark only its version counts."""

    metadata: ListMeta


class Failure(msgspec.Struct):
    code: int = 0
    message: str = ""


class Unserved(Permanent):
    """It may not be read, or there is no such kind."""


class Silent(Temporary):
    """The stream stands and nothing came, not even the bookmark that is due each minute."""


class TooOld(Exception):
    """What we know is of a version that the server has forgotten."""


PAGES, EVENTS = msgspec.json.Decoder(Page), msgspec.json.Decoder(Event)
MARKS, FAILURES = msgspec.json.Decoder(Marked), msgspec.json.Decoder(Failure)
UNREADABLE = (ValueError, RecursionError)
"""No JSON, not of the shape, or no text at all."""
DECODERS = {kind: msgspec.json.Decoder(shape) for kind, shape in SHAPES.items()}

Listed = Callable[[str, str, Sequence[Kept]], None]
Changed = Callable[[Kept, bool], None]
"""The object as it is now, or was last; and whether it is there."""


class Watch:
    def __init__(
        self,
        kind: str,
        namespace: str,
        *,
        connection: ClusterConnection,
        settings: ClusterSettings,
        clock: Clock,
        listed: Listed,
        changed: Changed,
    ) -> None:
        self.kind, self.namespace = kind, namespace
        self._connection, self._settings, self._clock = connection, settings, clock
        self._listed, self._changed = listed, changed
        self._listed_at = 0.0
        self._misses = 0
        self._asked_seconds = WATCH_SECONDS
        """How long the last watch was asked to go on."""
        self.heard_at: float | None = None
        """Monotonic time of the last sign that nothing is missed; None: not since the last list
        failed."""
        self.trouble = "it was not listed yet"
        """Why what is known of this kind may not be so; empty: it is."""
        self.is_forbidden = False
        self.lists = 0

    @property
    def what(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{KINDS[self.kind].resource}{where}"

    async def run(self) -> None:
        version = ""
        while True:
            began = self._clock.monotonic()
            try:
                if not version or self._is_due():
                    version = await self._list()
                version = await self._watch(version)
            except TooOld as error:
                version = ""
                await self._again(error)
            except Silent as error:
                # No pause and no trouble: it was long enough, and an API server sends no bookmarks
                # of a kind of which nothing changed since it started. The list tells how it is; if
                # that fails, it is trouble. Until then what was heard ages (`heard_at`).
                version = ""
                log.debug("watch_silent", what=self.what, said=str(error))
            except HomeostatError as error:
                version, was_forbidden = "", self.is_forbidden
                self.is_forbidden = isinstance(error, Unserved)
                await self._rest(error, was_forbidden=was_forbidden)
            except Exception as error:
                # What nobody foresaw in one object must not end the daemon, which tells people.
                log.exception("watch_broke", what=self.what)
                version, self.is_forbidden = "", False
                await self._rest(Temporary(f"it cannot be taken in: {error!r}"))
            else:
                if self._clock.monotonic() - began < min(SHORTEST_SECONDS, self._asked_seconds):
                    # Whatever stands between ends it at once: not a reason to ask all the time.
                    self._misses += 1
                    await self._clock.sleep(wait_seconds(self.what, self._misses))

    def _is_due(self) -> bool:
        return self._clock.monotonic() - self._listed_at >= self._settings.relist

    async def _again(self, error: TooOld) -> None:
        """Lists at once the first time, since events are missed until then."""
        log.info("watch_too_old", what=self.what, said=str(error)[:200])
        if self._misses:
            await self._rest(Temporary(f"what was listed is too old already: {error}"))
            return
        self._misses += 1
        self.trouble, self.heard_at = f"{self.what}: it has to be listed again", None

    async def _rest(self, error: HomeostatError, *, was_forbidden: bool = False) -> None:
        self.trouble, self.heard_at = f"{self.what}: {error}"[:300], None
        self._misses += 1
        pause = wait_seconds(self.what, self._misses)
        if isinstance(error, Temporary) and error.after_seconds is not None:
            pause = max(pause, min(error.after_seconds, LONGEST_WISH_SECONDS))
        if self.is_forbidden:
            pause = FORBIDDEN_PAUSE_SECONDS if was_forbidden else FIRST_REFUSAL_PAUSE_SECONDS
        # All of them fail together: people are told once, by the cluster.
        log.debug("watch_failed", what=self.what, error=self.trouble, again_in=round(pause, 1))
        await self._clock.sleep(pause)

    async def _list(self) -> str:
        """Everything there is, page by page. Returns the version it is of."""
        kept: list[Kept] = []
        query = {"limit": str(PAGE)}
        began = self._clock.monotonic()
        while True:
            async with self._connection.listing:
                meta = await self._page(query, kept)
            if not meta.continue_:
                break
            query["continue"] = meta.continue_
        self._listed(self.kind, self.namespace, kept)
        self.lists += 1
        self._listed_at, self.heard_at, self.trouble = began, began, ""
        self.is_forbidden = False
        return meta.resource_version

    async def _page(self, query: Mapping[str, str], kept: list[Kept]) -> ListMeta:
        """Reads one page into `kept`. Its bytes are gone when this returns."""
        path = path_of(self.kind, self.namespace)
        reply = await self._connection.ask("GET", path, query=query)
        if not reply.is_fine:
            self._fail(reply.status, reply.said, reply.after_seconds)
        try:
            page = PAGES.decode(reply.body)
        except UNREADABLE as error:
            raise Temporary(f"a list that is none: {error}") from error
        kept += (one for raw in page.items or () if (one := self._kept(raw)) is not None)
        return page.metadata

    async def _watch(self, version: str) -> str:
        """What changes from this version on. Returns the version to go on from."""
        left = self._listed_at + self._settings.relist - self._clock.monotonic()
        seconds = self._asked_seconds = max(1, min(WATCH_SECONDS, int(left) + 1))
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        path = path_of(self.kind, self.namespace)
        silence = self._settings.silence
        async with self._connection.stream(path, query, timeout_seconds=silence) as answer:
            if answer.status != 200:
                said = await _words(answer)
                after = answer.headers.get("Retry-After", "")
                wait = float(after) if after.isdecimal() and len(after) < 6 else None
                self._fail(answer.status, said, wait)
            async for line in self._lines(answer):
                version = self._take(line) or version
                self.heard_at, self._misses = self._clock.monotonic(), 0
                if self._is_due():
                    return version
        return version

    async def _lines(self, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        import aiohttp  # imported at first use

        rest = b""
        content = answer.content.iter_any()
        loop = asyncio.get_running_loop()
        said_at = loop.time()
        while True:
            try:
                # From line to line: a server that drips bytes without a line end is silent.
                async with asyncio.timeout_at(said_at + self._settings.silence):
                    part = await anext(content, None)
            except TimeoutError as error:
                # aiohttp's own, of the socket, is one as well.
                seconds = self._settings.silence
                said = f"nothing came for {seconds:.0f} s, not even a bookmark"
                raise Silent(said) from error
            except aiohttp.ClientPayloadError as error:
                raise Temporary("the watch broke: the connection was cut") from error
            except (aiohttp.ClientError, OSError) as error:
                what = " ".join(str(error).split()) or type(error).__name__
                raise Temporary(f"the watch broke: {what}"[:200]) from error
            if part is None:
                return  # the server ended it: its time was over
            *lines, rest = (rest + part).split(b"\n")
            said_at = loop.time() if lines else said_at
            if len(rest) > LONGEST_LINE_BYTES:
                raise Temporary("the watch broke: a line without an end")
            for line in lines:
                if line.strip():
                    yield line

    def _take(self, line: bytes) -> str:
        """One event. Returns the version it brings; empty: none."""
        try:
            event = EVENTS.decode(line)
            if event.type == "BOOKMARK":
                return MARKS.decode(event.object).metadata.resource_version
            if event.type == "ERROR":
                failure = FAILURES.decode(event.object)
                self._fail(failure.code, failure.message, None)
        except UNREADABLE as error:
            raise Temporary(f"an event that is none: {error}"[:200]) from error
        kept = self._kept(event.object)
        if kept is None:
            return ""
        self._changed(kept, event.type != "DELETED")
        return kept.version

    def _fail(self, status: int, said: str, after: float | None) -> None:
        if status == GONE:
            raise TooOld(said)
        if status == FORBIDDEN:
            raise Unserved(f"may not list and watch {self.what} (homeostat rbac)")
        if status == NOT_FOUND:
            raise Unserved(f"the API server knows no {KINDS[self.kind].resource}")
        raise Temporary(f"the API server said {status}: {said}"[:250], after_seconds=after)

    def _kept(self, raw: msgspec.Raw) -> Kept | None:
        """None, and a line in the log, for what cannot be read: it must not hide all others."""
        thing: Thing
        try:
            try:
                thing = DECODERS[self.kind].decode(raw)
            except msgspec.ValidationError:
                thing = msgspec.convert(_without_nulls(msgspec.json.decode(raw)), SHAPES[self.kind])
        except UNREADABLE as error:
            log.warning("object_unreadable", what=self.what, error=str(error)[:200])
            return None
        meta = thing.metadata
        digest = template_digest(raw) if isinstance(thing, Workload) else ""
        return slimmed(Kept(Ref(self.kind, meta.name, meta.namespace), thing, digest))


async def _words(answer: aiohttp.ClientResponse) -> str:
    """Of an answer that is no stream, as far as they come: its status alone tells enough."""
    import aiohttp  # imported at first use

    try:
        said = await answer.content.read(500)
    except (aiohttp.ClientError, OSError, TimeoutError):
        return ""
    return " ".join(said.decode(errors="replace").split())[:200]


def _without_nulls(value: Any) -> Any:
    """Some writers say `null` for what is left out elsewhere."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
