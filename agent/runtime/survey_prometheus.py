"""What a survey asks of one Prometheus: its rules, its targets, what fires, and whether what the
rules read is there. Bounded in time and size; what cannot be had is said, and never guessed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from agent.catalog.addresses import without_user
from agent.core.survey_rules import RuleSeen, blind_rules, questions
from agent.core.survey_seen import FiringSeen, PrometheusSeen, TargetSeen
from agent.model.errors import HomeostatError, Permanent, Temporary
from agent.ports.clock import Clock
from agent.ports.kit import Http
from agent.ports.wire import Moment, moment

READ_CAP_BYTES = 32 * 1024 * 1024
ASK_SECONDS = 10.0
WHOLE_SECONDS = 60.0
"""For all questions about metrics together."""
AT_A_TIME = 25
"""Metrics asked for in one query."""
MOST_METRICS = 20_000
DOWN_SECONDS = 900.0
"""A target that was up within so long only restarts."""
FORM = {"content-type": "application/x-www-form-urlencoded"}
MARK = "homeostat_asked"

T = TypeVar("T")


class _Rule(msgspec.Struct):
    name: str
    query: str
    type: str = ""
    health: str = ""
    lastError: str = ""
    labels: dict[str, str] = {}


class _Group(msgspec.Struct):
    name: str
    rules: list[_Rule] = []


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


class _Target(msgspec.Struct):
    labels: dict[str, str] = {}
    health: str = ""
    lastError: str = ""


class _Targets(msgspec.Struct):
    activeTargets: list[_Target] = []


class _Firing(msgspec.Struct):
    labels: dict[str, str]
    state: str
    activeAt: Moment | None = None


class _Alerts(msgspec.Struct):
    alerts: list[_Firing] = []


class _Series(msgspec.Struct):
    metric: dict[str, str] = {}


class _Vector(msgspec.Struct):
    result: list[_Series] = []


def place_of(url: str) -> str:
    """How it is called: host, port and path, and nothing of a user."""
    parts = urlsplit(without_user(url)[0])
    return f"{parts.netloc}{parts.path.rstrip('/')}"


class Asking:
    """One survey of one Prometheus. `lookback`: what was reported within so many seconds is
    there."""

    def __init__(self, http: Http, clock: Clock, url: str, *, lookback: float) -> None:
        self._http, self._clock, self._url = http, clock, url.rstrip("/")
        self._lookback = max(1, math.ceil(lookback))
        self._why: dict[str, None] = {}

    async def seen(self) -> PrometheusSeen:
        """Never raises for what a Prometheus does or does not answer."""
        rules = await self._or_none(self._rules())
        blind = None
        if rules is not None:
            missing = await self._or_none(self._missing(rules))
            if missing is not None:
                blind = await asyncio.to_thread(blind_rules, rules, missing)
        return PrometheusSeen(
            place=place_of(self._url),
            rules=rules,
            blind=blind,
            targets=await self._or_none(self._targets()),
            firing=await self._or_none(self._firing()),
            could_not=tuple(self._why),
        )

    async def _or_none(self, asked: Awaitable[T]) -> T | None:
        try:
            return await asked
        except HomeostatError as error:
            self._why[str(error)[:300]] = None
            return None

    async def _rules(self) -> tuple[RuleSeen, ...]:
        found = await self._get("/api/v1/rules?exclude_alerts=true", _Groups)
        return tuple(
            RuleSeen(
                name=rule.name,
                group=group.name,
                query=rule.query,
                is_alerting=rule.type == "alerting",
                labels=rule.labels,
                error=_error_of(rule),
            )
            for group in found.groups
            for rule in group.rules
        )

    async def _missing(self, rules: Sequence[RuleSeen]) -> frozenset[str]:
        """Of what the rules read, what nothing reported within `lookback`."""
        asked = await asyncio.to_thread(questions, rules)
        if len(asked) > MOST_METRICS:
            raise Permanent(f"its rules read {len(asked)} metrics; at most {MOST_METRICS} are")
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                missing = await self._nothing_of(asked, "{}")
                return frozenset(
                    await self._nothing_of(missing, f"last_over_time({{}}[{self._lookback}s])")
                )
        except TimeoutError:
            raise Temporary(f"its metrics could not be asked for in {WHOLE_SECONDS:g} s") from None

    async def _nothing_of(self, asked: Sequence[str], form: str) -> list[str]:
        """Those that match nothing. The newest sample is cheap to look for, a long time is not, so
        the second look is only for what the first one did not find."""
        nothing: list[str] = []
        for start in range(0, len(asked), AT_A_TIME):
            part = asked[start : start + AT_A_TIME]
            query = " or ".join(
                f'label_replace(group({form.replace("{}", text)}), "{MARK}", "{n}", "", "")'
                for n, text in enumerate(part)
            )
            there = {series.metric.get(MARK) for series in await self._query(query)}
            nothing += [text for n, text in enumerate(part) if str(n) not in there]
        return nothing

    async def _targets(self) -> tuple[TargetSeen, ...]:
        found = await self._get("/api/v1/targets?state=active", _Targets)
        within = f"{math.ceil(min(DOWN_SECONDS, self._lookback))}s"
        long_down = await self._query(
            # What was not there before that is only as new as this Prometheus, or is just started.
            f"max_over_time(up[{within}]) == 0 and count_over_time(up[{within}] offset {within})"
        )
        empty = await self._query("scrape_samples_scraped == 0 and up == 1")
        down = {_target_key(s.metric) for s in long_down}
        targets = {
            _target_key(t.labels): TargetSeen(
                job=t.labels.get("job", ""),
                instance=t.labels.get("instance", ""),
                why=f"down: {t.lastError or 'it does not answer'}",
            )
            for t in found.activeTargets
            if t.health == "down" and _target_key(t.labels) in down
        }
        for series in empty:
            job, instance = _target_key(series.metric)
            why = "it is scraped and gives no sample at all"
            targets[job, instance] = TargetSeen(job=job, instance=instance, why=why)
        return tuple(targets[key] for key in sorted(targets))

    async def _firing(self) -> tuple[FiringSeen, ...]:
        found = await self._get("/api/v1/alerts", _Alerts)
        now = self._clock.now()
        return tuple(
            FiringSeen(
                name=alert.labels.get("alertname", ""),
                labels=alert.labels,
                seconds=max(0.0, now - (moment(alert.activeAt) or now)),
            )
            for alert in found.alerts
            if alert.state == "firing"
        )

    async def _query(self, query: str) -> list[_Series]:
        url = f"{self._url}/api/v1/query"
        body = urlencode({"query": query, "timeout": f"{ASK_SECONDS:g}s"}).encode()
        reply = await self._http.post(url, body=body, timeout_seconds=ASK_SECONDS, headers=FORM)
        return (await self._read(reply.status, reply.body, _Vector)).result

    async def _get(self, path: str, shape: type[T]) -> T:
        reply = await self._http.get(self._url + path, timeout_seconds=ASK_SECONDS)
        return await self._read(reply.status, reply.body, shape)

    async def _read(self, status: int, body: bytes, shape: type[T]) -> T:
        """In a thread: a long list of rules takes a while."""
        if status != 200:
            raise Temporary(f"it answered {status}")
        if len(body) >= READ_CAP_BYTES:
            raise Permanent(f"an answer is over {READ_CAP_BYTES // 1024 // 1024} MiB")
        return await asyncio.to_thread(_data, body, shape)


def _data(body: bytes, shape: type[T]) -> T:
    try:
        answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        return msgspec.json.decode(answer["data"], type=shape)
    except (msgspec.MsgspecError, KeyError, RecursionError, UnicodeError) as error:
        raise Permanent(f"what answers there is no Prometheus: {error}") from None


def _error_of(rule: _Rule) -> str:
    if rule.health in ("ok", "unknown", "") and not rule.lastError:
        return ""
    return rule.lastError or f"its health is {rule.health}"


def _target_key(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")
