"""The one door for plugins: a decorated function in a file of its own.

    @action(name="process.restart", params=Restart, effect=Effect.PROBED,
            reversal=Reversal.NOTHING, summary="...")
    async def restart(kit: ActKit, params: Restart) -> Mapping[str, Any]: ...

    @restart.probe
    async def happened(kit: ReadKit, params: Restart, key: str) -> Probed: ...

The decorator returns the declaration, which the registry (runtime/registry.py) finds by looking
through the module. A plugin raises `Temporary`, `Permanent` or `UnknownEffect` and nothing else on
purpose; anything else is caught once, in the outbox, and is permanent (for an action: unknown).

`rights` is what a plugin may ask of a cluster: Roles are made of it, and nothing else is sent.
`needs` names what a plugin cannot work without (`kubernetes`). Where the runtime has no connection
of that name, guards say no to its actions and its diagnostics find nothing; runbooks can be
written, checked and tested against its declaration all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from agent.model.alert import Alert, Signal
from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Probed, Reversal
from agent.model.on_call import Telling


class Params(BaseModel):
    """Parameters of a plugin: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(BaseModel):
    """Typed result of a diagnostic; its fields are the names expressions may read. A duration is
    written down as seconds, the way facts hold it."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_timedelta="float")


Act = Callable[[Any, Any], Awaitable[Mapping[str, Any]]]
Probe = Callable[[Any, Any, str], Awaitable[Probed]]
Read = Callable[[Any, Any], Awaitable[Result]]
Notify = Callable[[Any, Any, "Message"], Awaitable[str]]
Decode = Callable[..., "Sequence[Signal]"]
Run = Callable[[Any, Any], Awaitable[None]]
Firing = Callable[[Any, Any], Awaitable["Sequence[Alert]"]]


@dataclass(frozen=True)
class Message:
    """What a notifier delivers. `key` is equal for repeats, so that the receiver can fold them."""

    key: str
    to: str
    title: str
    text: str
    severity: str
    incident_id: str
    link: str = ""
    telling: Telling = Telling.PAGE
    topic: str = ""
    """Equal for everything said about one incident to one channel: what a provider folds by
    (PagerDuty `dedup_key`, the thread of a mail)."""
    who: str = ""
    """For `acknowledged` and `resolved`: by whom."""
    asks: str = ""
    """Fingerprint of the plan people are asked to approve, where `text` shows all of it; whoever
    approves by this message approves exactly that. Empty: it cannot be approved by this."""


@dataclass
class Action:
    """Changes something. `effect` and `reversal` have no default; PROBED needs a probe."""

    name: str
    params: type[Params]
    effect: Effect
    reversal: Reversal
    summary: str
    run: Act
    needs: str = ""
    undone_by: str = ""
    """For `Reversal.SNAPSHOT`: the action its `undo` names, where that is not itself."""
    availability: Availability = Availability.INTERRUPTS
    contains: bool = False
    """It only keeps its target from doing harm, and is undone by one word."""
    rights: tuple[Right, ...] = ()
    """What it asks of a cluster."""
    declares: bool = False
    """It changes what is declared, which a repository may keep as it stands there."""
    kind: str = "action"
    probe_function: Probe | None = None

    def probe(self, function: Probe) -> Probe:
        self.probe_function = function
        return function


@dataclass
class Diagnostic:
    """Reads something and returns a typed result. Also what `verify.observe` uses."""

    name: str
    params: type[Params]
    result: type[Result]
    summary: str
    run: Read
    needs: str = ""
    rights: tuple[Right, ...] = ()
    kind: str = "diagnostic"


@dataclass
class Verification:
    """As a diagnostic, but its result has a field `verdict` (held, failed, inconclusive)."""

    name: str
    params: type[Params]
    result: type[Result]
    summary: str
    run: Read
    needs: str = ""
    rights: tuple[Right, ...] = ()
    kind: str = "verification"


@dataclass
class Notifier:
    """Delivers a message; returns a receipt for the record."""

    name: str
    params: type[Params]
    summary: str
    run: Notify
    tells: tuple[Telling, ...] = (Telling.PAGE,)
    kind: str = "notifier"


@dataclass
class PushSource:
    """Senders post to `path`. `decode` is pure: bytes to signals, or raises `Unparseable`. What
    signs or names a message is read before the body, and never by `decode`."""

    name: str
    path: str
    summary: str
    decode: Decode
    headers: tuple[str, ...] = ()
    """Names of headers, in small letters, that `decode` takes besides the body, as a mapping of
    those that came. Empty: it takes the body alone."""
    signature: str = ""
    """Header in which senders may prove themselves by `sha256=HEX`, the HMAC of the body, with a
    `webhook_secret_file` of the token file. Empty: they cannot."""
    delivery: str = ""
    """Header with the id of a message: one that was taken is not taken again soon."""
    kind: str = "push_source"

    def signals(self, body: bytes, headers: Mapping[str, str]) -> Sequence[Signal]:
        """What the message says. Raises Unparseable."""
        if not self.headers:
            return self.decode(body)
        return self.decode(body, {n: headers[n] for n in self.headers if n in headers})


@dataclass
class StreamSource:
    """Runs for as long as the daemon does, and emits."""

    name: str
    params: type[Params]
    summary: str
    run: Run
    rights: tuple[Right, ...] = ()
    kind: str = "stream_source"


@dataclass
class LevelSource:
    """Can be asked who is firing now. `source` of the alerts is the group it answers for."""

    name: str
    params: type[Params]
    summary: str
    firing: Firing
    kind: str = "level_source"


Plugin = Action | Diagnostic | Verification | Notifier | PushSource | StreamSource | LevelSource


def action(
    *,
    name: str,
    params: type[Params],
    effect: Effect,
    reversal: Reversal,
    summary: str,
    needs: str = "",
    undone_by: str = "",
    availability: Availability = Availability.INTERRUPTS,
    contains: bool = False,
    rights: tuple[Right, ...] = (),
    declares: bool = False,
) -> Callable[[Act], Action]:
    def declare(function: Act) -> Action:
        return Action(
            name=name,
            params=params,
            effect=effect,
            reversal=reversal,
            summary=summary,
            run=function,
            needs=needs,
            undone_by=undone_by,
            availability=availability,
            contains=contains,
            rights=rights,
            declares=declares,
        )

    return declare


def diagnostic(
    *,
    name: str,
    params: type[Params],
    result: type[Result],
    summary: str,
    needs: str = "",
    rights: tuple[Right, ...] = (),
) -> Callable[[Read], Diagnostic]:
    def declare(function: Read) -> Diagnostic:
        return Diagnostic(
            name=name,
            params=params,
            result=result,
            summary=summary,
            run=function,
            needs=needs,
            rights=rights,
        )

    return declare


def verification(
    *,
    name: str,
    params: type[Params],
    result: type[Result],
    summary: str,
    needs: str = "",
    rights: tuple[Right, ...] = (),
) -> Callable[[Read], Verification]:
    def declare(function: Read) -> Verification:
        return Verification(
            name=name,
            params=params,
            result=result,
            summary=summary,
            run=function,
            needs=needs,
            rights=rights,
        )

    return declare


def notifier(
    *,
    name: str,
    params: type[Params],
    summary: str,
    tells: tuple[Telling, ...] = (Telling.PAGE,),
) -> Callable[[Notify], Notifier]:
    def declare(function: Notify) -> Notifier:
        return Notifier(name=name, params=params, summary=summary, run=function, tells=tells)

    return declare


def push_source(
    *,
    name: str,
    path: str,
    summary: str,
    headers: tuple[str, ...] = (),
    signature: str = "",
    delivery: str = "",
) -> Callable[[Decode], PushSource]:
    def declare(function: Decode) -> PushSource:
        return PushSource(
            name=name,
            path=path,
            summary=summary,
            decode=function,
            headers=headers,
            signature=signature,
            delivery=delivery,
        )

    return declare


def stream_source(
    *, name: str, params: type[Params], summary: str, rights: tuple[Right, ...] = ()
) -> Callable[[Run], StreamSource]:
    def declare(function: Run) -> StreamSource:
        return StreamSource(name=name, params=params, summary=summary, run=function, rights=rights)

    return declare


def level_source(
    *, name: str, params: type[Params], summary: str
) -> Callable[[Firing], LevelSource]:
    def declare(function: Firing) -> LevelSource:
        return LevelSource(name=name, params=params, summary=summary, firing=function)

    return declare


__all__ = [
    "Action",
    "Diagnostic",
    "LevelSource",
    "Message",
    "Notifier",
    "Params",
    "Plugin",
    "PushSource",
    "Result",
    "StreamSource",
    "Verification",
    "action",
    "diagnostic",
    "level_source",
    "notifier",
    "push_source",
    "stream_source",
    "verification",
]
