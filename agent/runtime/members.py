"""Tells sub-agents and proxies what to do: over HTTP where one declares a `control_url`, else by a
retained message on the topic `control/NAME`.

A word is one JSON object: `mode` (act or observe), `version` and `config_hash` where it is told to
run them, `key` of the act that told it, and under `was` what stood there before, so that the same
act done twice tells the same twice. `mode_by` and `pin_by` are the acts that told each of the two
last: a way back takes back its own word, never one that somebody else said since. Over MQTT it is
retained without an end: a quarantine must outlive every restart, of the member, of the broker and
of Homeostat.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from difflib import get_close_matches

import msgspec

from agent.catalog.settings import Use
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity, EntityKind, Registry
from agent.model.signals import Mode
from agent.ports.clock import Clock
from agent.ports.kit import Http, HttpReply, MemberControl, MemberReader, MemberTold
from agent.runtime.broker import CONTROL, Broker, connection_of
from agent.runtime.incident_words import IncidentWords

TIMEOUT_SECONDS = 5.0
PASSING = frozenset({408, 425, 429})
NO_WORD = (204, 404)
"""Where nothing was told yet."""


class Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As it is written down."""

    mode: Mode | None = None
    version: str = ""
    config_hash: str = ""
    key: str = ""
    mode_by: str = ""
    pin_by: str = ""
    was: Word | None = None

    def told_by(self, *, is_mode: bool) -> str:
        """Key of the act that told its mode, or else what to run; empty: nobody knows."""
        return (self.mode_by if is_mode else self.pin_by) or self.key


WORDS = msgspec.json.Decoder(Word)


class NoMembers:
    """Where there is no way to tell members anything."""

    async def told(self, name: str) -> MemberTold:
        raise Permanent(f"there is no way to tell {name} anything")

    async def tell(
        self,
        name: str,
        *,
        key: str,
        mode: Mode | None = None,
        version: str | None = None,
        config_hash: str | None = None,
        instead_of: str = "",
    ) -> MemberTold:
        raise Permanent(f"there is no way to tell {name} anything")

    def committed(self, decisions: Sequence[Decision]) -> None:
        del decisions

    async def close(self) -> None:
        return


class ReadingMembers:
    """The reading side, and nothing else of it."""

    __slots__ = ("_all",)

    def __init__(self, members: MemberControl) -> None:
        self._all: MemberReader = members

    async def told(self, name: str) -> MemberTold:
        return await self._all.told(name)


class Members:
    """Implements ports.kit.MemberControl, and says over the same broker what becomes of
    incidents."""

    def __init__(
        self, *, products: Callable[[], Registry], http: Http, broker: Broker | None = None
    ) -> None:
        self._products, self._http, self._broker = products, http, broker
        self.words: IncidentWords | None = None
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def told(self, name: str) -> MemberTold:
        return _told(await self._read(self._member(name)))

    async def tell(
        self,
        name: str,
        *,
        key: str,
        mode: Mode | None = None,
        version: str | None = None,
        config_hash: str | None = None,
        instead_of: str = "",
    ) -> MemberTold:
        member = self._member(name)
        # What is read is written back with a change: two at once would lose one of them.
        async with self._one_at_a_time[member.name]:
            return await self._tell(
                member,
                key=key,
                mode=mode,
                version=version,
                config_hash=config_hash,
                instead_of=instead_of,
            )

    async def _tell(
        self,
        member: Entity,
        *,
        key: str,
        mode: Mode | None,
        version: str | None,
        config_hash: str | None,
        instead_of: str,
    ) -> MemberTold:
        try:
            stands = await self._read(member)
        except Unreadable:
            stands = Word()  # whatever it was, it is no order that anybody could have followed
        if key and stands.key == key:
            return _told(stands.was or Word())
        said = stands.told_by(is_mode=mode is not None)
        if instead_of and said != instead_of and stands != Word():
            by = f"by {said[:100]}" if said else "by hand"
            raise Permanent(
                f"{member.name} was told something since, {by}: that stands, and is not taken back"
            )
        is_pinned = version is not None or config_hash is not None
        word = Word(
            mode=mode if mode is not None else stands.mode or Mode.ACT,
            version=stands.version if version is None else version,
            config_hash=stands.config_hash if config_hash is None else config_hash,
            key=key,
            mode_by=key if mode is not None else stands.told_by(is_mode=True),
            pin_by=key if is_pinned else stands.told_by(is_mode=False),
            was=msgspec.structs.replace(stands, was=None),
        )
        await self._write(member, msgspec.json.encode(word))
        return _told(stands)

    def committed(self, decisions: Sequence[Decision]) -> None:
        """What was decided is said to whoever listens at the broker; never waits, never raises."""
        if self.words is not None:
            self.words.committed(decisions)

    async def close(self) -> None:
        if self.words is not None:
            await self.words.close()
        if self._broker is not None:
            await self._broker.close()

    def _member(self, name: str) -> Entity:
        entities = self._products().entities
        found = entities.get(name)
        members = [e.name for e in entities.values() if e.kind is EntityKind.AGENT]
        if found is None or found.kind is not EntityKind.AGENT:
            what = "no member" if found is None else "a registered entity, but no member"
            near = get_close_matches(name, members, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Permanent(
                f"{name!r} is {what} of the machinery: register it as a Component of type"
                f" agent, sub-agent or proxy{hint}"
            )
        if any(sign in name for sign in "/+#\0"):
            raise Permanent(f"{name!r} cannot be part of a topic")
        return found

    async def _read(self, member: Entity) -> Word:
        url = _control_url(member)
        if url is not None:
            reply = await self._http.get(url, timeout_seconds=TIMEOUT_SECONDS)
            if reply.status in NO_WORD:
                return Word()
            _check(member.name, reply)
            return _word(member.name, reply.body)
        return _word(member.name, await self._wire(member).read(f"{CONTROL}{member.name}"))

    async def _write(self, member: Entity, body: bytes) -> None:
        url = _control_url(member)
        if url is None:
            await self._wire(member).put(f"{CONTROL}{member.name}", body)
            return
        headers = {"content-type": "application/json"}
        _check(
            member.name,
            await self._http.post(url, body=body, timeout_seconds=TIMEOUT_SECONDS, headers=headers),
        )

    def _wire(self, member: Entity) -> Broker:
        if self._broker is None:
            raise Permanent(
                f"there is no way to tell {member.name} anything: configure a source `mqtt`, or"
                " declare its `control_url` in the catalog"
            )
        return self._broker


class Unreadable(Permanent):
    """What stands there is no word."""


def members_of(sources: Sequence[Use], *, view: View, clock: Clock, http: Http) -> Members:
    """Over the broker of the first source `mqtt`, where there is one."""
    at = connection_of(sources)
    broker = Broker(at, clock) if at is not None else None
    members = Members(products=lambda: view.registry, http=http, broker=broker)
    if broker is not None:
        members.words = IncidentWords(broker, view=view, clock=clock)
    return members


def _control_url(member: Entity) -> str | None:
    return member.member.control_url if member.member is not None else None


def _told(word: Word) -> MemberTold:
    return MemberTold(
        mode=word.mode or Mode.ACT,
        version=word.version,
        config_hash=word.config_hash,
        key=word.key,
    )


def _word(name: str, body: bytes) -> Word:
    if not body.strip():
        return Word()
    try:
        return WORDS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"what {name} was told cannot be read: {error}") from error


def _check(name: str, reply: HttpReply) -> None:
    """Returns where the answer is 2xx. Raises Temporary or Permanent."""
    if 200 <= reply.status < 300:
        return
    said = f"{name} answers {reply.status} at its control_url"
    if reply.status in PASSING or reply.status >= 500:
        raise Temporary(said)
    raise Permanent(f"{said}: it has to take GET and POST of JSON there")
