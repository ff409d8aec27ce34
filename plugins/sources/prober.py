"""The built-in prober: watches addresses and processes where no Prometheus is installed.

Every probe is a loop of its own, so that one that hangs delays no other. Each look has three
answers: the condition holds, it does not, or it cannot be told. What cannot be told changes
nothing: it neither starts an alert nor ends one. Only for `answers` is silence itself the symptom.

A firing alert is repeated, so that a lost message heals, and carries `expires_at`, so that an alert
whose prober is gone ends by itself.
"""

from __future__ import annotations

import asyncio
import operator
from typing import Any, Literal, Self

import msgspec
from pydantic import Field, model_validator

from agent.model.alert import Alert, AlertStatus
from agent.model.errors import HomeostatError, StoreUnavailable
from agent.ports.kit import SourceKit
from agent.ports.pauses import rest_seconds
from agent.ports.plugin import Params, stream_source
from agent.ports.wire import read

GROUP = "prober"
LARGEST_NUMBER = 1e300
REPEATS_KEPT = 4
"""A firing alert ends by itself after so many repeats did not come, as with Prometheus."""


class Probe(Params):
    """One condition. `answers`: no 2xx reply in time, or the process is dead or hung. `status`:
    the HTTP status, `json`: the field at `path` of a JSON reply (or of the status of the process),
    is above, below or equal to something."""

    alert: str = Field(min_length=1, description="name of the alert")
    labels: dict[str, str] = Field(default={}, description="labels of the alert")
    severity: str | None = Field(default=None, description="label `severity` of the alert")
    kind: Literal["answers", "status", "json"] = Field(
        default="answers", description="what is looked at"
    )
    url: str | None = Field(default=None, description="address to ask")
    process: str | None = Field(default=None, description="supervised process to look at instead")
    timeout_seconds: float = Field(default=2.0, gt=0, description="how long to wait for an answer")
    for_seconds: float = Field(
        default=0.0, ge=0, description="how long it has to be so before the alert fires"
    )
    path: str = Field(default="", description="field to read, dotted, for example `queue.age`")
    above: float | None = Field(default=None, description="fires where the value is above this")
    below: float | None = Field(default=None, description="fires where the value is below this")
    equals: bool | float | str | None = Field(
        default=None, description="fires where the value is this"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        thresholds = [t for t in (self.above, self.below, self.equals) if t is not None]
        if (self.url is None) == (self.process is None):
            raise ValueError("give either `url` or `process`")
        if self.kind == "answers" and (thresholds or self.path):
            raise ValueError("kind `answers` takes neither `path` nor a threshold")
        if self.kind != "answers" and len(thresholds) != 1:
            raise ValueError(f"kind `{self.kind}` takes one of `above`, `below`, `equals`")
        if self.kind == "status" and (self.process is not None or self.path):
            raise ValueError("kind `status` is for a `url` and takes no `path`")
        if self.kind == "json" and not self.path:
            raise ValueError("kind `json` needs `path`, the field to read, for example `queue.age`")
        return self


class Prober(Params):
    every_seconds: float = Field(default=10.0, gt=0, description="time between two looks")
    repeat_seconds: float = Field(
        default=30.0, gt=0, description="how often an alert that goes on firing is sent again"
    )
    probes: tuple[Probe, ...] = Field(min_length=1, description="what is watched")


class Look(msgspec.Struct, frozen=True):
    """`holds` None: cannot be told."""

    holds: bool | None
    seen: str


class Course(msgspec.Struct):
    """What a probe remembers between looks."""

    since: float | None = None
    """When the condition first held, without a look since that denied it."""
    sent_at: float | None = None
    """When the alert was last emitted as firing; None while it is not firing."""
    seen: str = ""


@stream_source(
    name="prober",
    params=Prober,
    summary="Built-in prober: addresses and processes, where no Prometheus is installed",
)
async def watch(kit: SourceKit, params: Prober) -> None:
    async with asyncio.TaskGroup() as group:
        for probe in params.probes:
            group.create_task(watch_one(kit, params, probe))


async def watch_one(kit: SourceKit, params: Prober, probe: Probe) -> None:
    course = Course()
    every = params.every_seconds
    while True:
        began = kit.now()
        look = await look_at(kit, probe)
        try:
            await follow(kit, params, probe, course, look)
        except StoreUnavailable as error:
            # The course still says what was not sent; the next look sends it.
            kit.log.warning("prober.not_stored", alert=probe.alert, why=str(error))
        await kit.sleep(rest_seconds(every, began=began, now=kit.now()))


async def follow(kit: SourceKit, params: Prober, probe: Probe, course: Course, look: Look) -> None:
    now = kit.now()
    if look.holds is False:
        if course.since is not None and course.sent_at is not None:
            await kit.emit([resolved(probe, since=course.since, now=now, seen=look.seen)])
        course.since = course.sent_at = None
        return
    if look.holds:
        course.since = now if course.since is None else course.since
        course.seen = look.seen
    if course.since is None:
        return
    if course.sent_at is None:
        due = bool(look.holds) and now - course.since >= probe.for_seconds
    else:
        due = not 0 <= now - course.sent_at < params.repeat_seconds
    if due:
        keep = REPEATS_KEPT * max(params.repeat_seconds, params.every_seconds)
        await kit.emit([firing(probe, course, expires_at=now + keep)])
        course.sent_at = now


def firing(probe: Probe, course: Course, *, expires_at: float) -> Alert:
    return Alert(
        source=GROUP,
        fingerprint="",
        status=AlertStatus.FIRING,
        labels=labels_of(probe),
        annotations={"summary": course.seen},
        starts_at=course.since or 0.0,
        expires_at=expires_at,
        generator_url=probe.url or "",
    )


def resolved(probe: Probe, *, since: float, now: float, seen: str) -> Alert:
    return Alert(
        source=GROUP,
        fingerprint="",
        status=AlertStatus.RESOLVED,
        labels=labels_of(probe),
        annotations={"summary": seen},
        starts_at=since,
        ends_at=now,
        generator_url=probe.url or "",
    )


def labels_of(probe: Probe) -> dict[str, str]:
    severity = {"severity": probe.severity} if probe.severity is not None else {}
    return {**probe.labels, **severity, "alertname": probe.alert}


async def look_at(kit: SourceKit, probe: Probe) -> Look:
    try:
        async with asyncio.timeout(probe.timeout_seconds):
            if probe.process is not None:
                return await look_at_process(kit, probe, probe.process)
            return await look_at_url(kit, probe, probe.url or "")
    except TimeoutError:
        what = f"no answer within {probe.timeout_seconds:g} s"
    except HomeostatError as error:
        what = str(error)
    silent = probe.kind == "answers" and probe.process is None
    return Look(holds=True if silent else None, seen=f"{probe.url or probe.process}: {what}")


async def look_at_url(kit: SourceKit, probe: Probe, url: str) -> Look:
    reply = await kit.http.get(url, timeout_seconds=probe.timeout_seconds)
    if probe.kind == "answers":
        return Look(holds=not 200 <= reply.status < 300, seen=f"{url} answers {reply.status}")
    if probe.kind == "status":
        return compare(probe, reply.status, what=f"status of {url}")
    if not 200 <= reply.status < 300:
        return Look(holds=None, seen=f"{url} answers {reply.status}")
    body = read(ANY_JSON, reply.body)
    return compare(probe, at_path(body, probe.path), what=f"{probe.path} of {url}")


async def look_at_process(kit: SourceKit, probe: Probe, name: str) -> Look:
    status = await kit.processes.status(name)
    if not status.known:
        return Look(holds=None, seen=f"process {name} is not known")
    if probe.kind == "answers":
        state = "hung" if status.hung else "alive" if status.alive else "dead"
        detail = f" ({status.detail})" if status.detail else ""
        return Look(holds=state != "alive", seen=f"process {name} is {state}{detail}")
    value = at_path(msgspec.structs.asdict(status), probe.path)
    return compare(probe, value, what=f"{probe.path} of process {name}")


ANY_JSON: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def at_path(body: Any, path: str) -> object:
    """The value at a dotted path; numbers index lists. None where there is none."""
    for part in path.split("."):
        if isinstance(body, dict):
            body = body.get(part)
        elif isinstance(body, list) and part.isdecimal() and int(part) < len(body):
            body = body[int(part)]
        else:
            return None
    return body


def compare(probe: Probe, value: object, *, what: str) -> Look:
    if probe.equals is not None:
        same_kind = isinstance(value, bool) == isinstance(probe.equals, bool)
        if value is None or isinstance(value, (dict, list)):
            return Look(holds=None, seen=f"{what} is no single value")
        return Look(
            holds=same_kind and value == probe.equals,
            seen=f"{what} is {value!r:.80} (alert: equals {probe.equals!r:.80})",
        )
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return Look(holds=None, seen=f"{what} is no number")
    word, limit, test = (
        ("above", probe.above, operator.gt)
        if probe.above is not None
        else ("below", probe.below, operator.lt)
    )
    if limit is None or abs(value) > LARGEST_NUMBER:
        return Look(holds=None, seen=f"{what} is not a number to compare")
    return Look(holds=test(value, limit), seen=f"{what} is {value:g} (alert: {word} {limit:g})")
