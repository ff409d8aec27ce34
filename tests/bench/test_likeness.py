"""What is learned from one more resolution must not cost more the more is remembered.

Measured is the whole decision: whether it is credited, what is like it and what is unlike it, what
a runbook in shadow would have done, and the proposal it leads to. Of the processor's time, because
a program that takes its turn meanwhile is not measured.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import msgspec
import pytest

from agent.core import credit
from agent.core.likeness import alike, contrast, recipe_of, signature_of
from agent.core.view import View
from agent.model.decision import Decision, Record, Timer
from agent.model.event import TimerFired
from agent.model.learning import Credit, Deed, Mark, Resolution
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.ports.store import Snapshot
from agent.runtime.folding import Recalled
from agent.runtime.lane import Batch
from agent.runtime.view_state import ViewState
from tests.bench.machine import REPEATS, ROOT, Cpus, Report, calm, memory_mb, percentile
from tests.support.cases import CHANNELS, START
from tests.support.past import view as view_of
from tests.support.plugin_facts import PLUGINS

pytestmark = pytest.mark.bench

MANY, FEW = 100_000, 1_000
ALIKE = 50
"""Resolutions of one signature."""
CROWD = 1_000
"""So many of one kind: more than are remembered."""
ASKED = 400
AT_ONCE = (1_000, 10_000)
SMALL_KIND = 20
PRODUCTS, SERVICES = 20, 2_000
HOUR = 3600.0
GOAL_MS = 10.0

REGISTRY = Registry(
    products={
        f"p{n}": Product(name=f"p{n}", builder=f"team-{n}", tier="low") for n in range(PRODUCTS)
    },
    entities={
        f"s{n}": Entity(
            name=f"s{n}",
            kind=EntityKind.SERVICE,
            product=f"p{n % PRODUCTS}",
            owner=f"team-{n % PRODUCTS}",
        )
        for n in range(SERVICES)
    },
)


def resolution(number: int, family: int, state: Credit = Credit.CREDITED) -> Resolution:
    """One service after the other is restarted by one of five people, with what its diagnosis said
    and the labels an alert has in production."""
    name = f"s{number % SERVICES}"
    opened = START + number * 2 * HOUR
    labels = {
        "alertname": f"Alert{family}",
        "severity": "critical",
        "namespace": f"prod-{number % 7}",
        "pod": f"{name}-{number:06x}",
        "instance": f"10.0.{number % 250}.{number % 199}:9100",
        "job": "web",
    }
    findings = {
        "status": {"alive": False, "restarts": number % 9, "target": name, "load": number / 7},
        "changes": {"count": number % 3, "last": f"deploy-{number % 40}"},
    }
    waited = 120.0 + 60.0 * (number % 11)
    made = Resolution(
        incident_id=f"i-{number}",
        signature=signature_of(alertnames=[f"Alert{family}"], kind="service", layer="product"),
        recipe="",
        at=opened + waited + 90,
        opened_at=opened,
        fired_at=opened - 30,
        cleared_at=opened + waited + 60,
        who=f"person-{number % 5}",
        alertname=f"Alert{family}",
        alertnames=(f"Alert{family}",),
        layer="product",
        kind="service",
        product=f"p{number % SERVICES % PRODUCTS}",
        entity=name,
        labels=labels,
        findings=findings,
        diagnostics={"status": ("process.status", {"target": "=entity.name"})},
        by=(f"person-{number % 5}",),
        pages=1,
        minutes=waited / 60,
        cause="the queue was stuck, restarted it as always",
        credit=state,
    )
    deed = Deed(
        use="process.restart",
        params={"target": name},
        target=name,
        by=f"person-{number % 5}",
        mark=Mark.SEEN,
        began_at=opened + waited,
        ended_at=opened + waited + 5,
        origins={"target": ("entity.name", "status.target")},
    )
    return msgspec.structs.replace(made, deeds=(deed,), recipe=recipe_of((deed,)))


@cache
def of_many() -> tuple[bytes, ...]:
    """As they are kept, fifty of each kind."""
    return tuple(msgspec.json.encode(resolution(n, n // ALIKE)) for n in range(MANY))


def as_kept(resolutions: Iterable[Resolution]) -> list[bytes]:
    return [msgspec.json.encode(r) for r in resolutions]


def loaded(texts: Iterable[bytes]) -> ViewState:
    """Read from text, like at a start: nothing is shared between two of them."""
    view = msgspec.structs.replace(
        view_of(registry=REGISTRY, policy=Policy()), plugins=dict(PLUGINS), channels=dict(CHANNELS)
    )
    state = ViewState(view)
    kept = {r.incident_id: r for r in map(msgspec.json.Decoder(Resolution).decode, texts)}
    timers = tuple(
        Timer(subject=f"{credit.SUBJECT}:{r.incident_id}", name=credit.TIMER, due=judged_at(r))
        for r in kept.values()
        if r.credit is Credit.PENDING
    )
    state.load(Snapshot(incidents=(), commands=(), timers=timers, records={"resolution": kept}))
    return state


def judged_at(r: Resolution) -> float:
    return (r.cleared_at or 0.0) + Policy().rails.relapse_seconds


@contextmanager
def at_rest() -> Iterator[None]:
    """What is remembered is out of the garbage collector's sight, as it is in the daemon."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def searched(new: Resolution, view: View) -> None:
    assert len(alike(new, view)) + len(contrast(new, view)) > 1


def decided(new: Resolution, view: View) -> None:
    made = credit.judge(new.incident_id, view, at=judged_at(new))
    (judged,) = (r.body for r in made.records if r.kind == "resolution")
    assert isinstance(judged, Resolution)
    assert judged.credit is Credit.CREDITED, judged.credit_why


def milliseconds(
    state: ViewState, asked: list[Resolution], what: Callable[[Resolution, View], None]
) -> float:
    """Of the slowest but one in a hundred of these, each new to what is remembered. Nothing of
    them is kept."""
    spent = []
    for new in asked:
        mark = state.mark()
        record = Record(kind="resolution", key=new.incident_id, body=new)
        state.apply(Decision(records=(record,)))
        began = time.thread_time()
        what(new, state.view)
        spent.append(1e3 * (time.thread_time() - began))
        state.take_back(mark)
    return percentile(spent, 0.99)


def asked(family: Callable[[int], int], credit: Credit) -> list[Resolution]:
    return [resolution(MANY + n, family(n), credit) for n in range(ASKED)]


async def test_one_more_resolution(report: Report, cpus: Cpus) -> None:
    """F-RB-12: whatever is remembered, one more is compared with it in a few milliseconds."""
    states = {
        "many": loaded(of_many()),
        "few": loaded(of_many()[:FEW]),
        "crowded": loaded([*of_many()[CROWD:], *as_kept(resolution(n, 0) for n in range(CROWD))]),
    }
    assert len(states["many"].view.resolutions) == MANY
    most = len(states["crowded"].view.likes[resolution(0, 0).signature])
    families = {"crowded": lambda _: 0}
    for part, what, state, goal in (
        ("search for likes", searched, Credit.CREDITED, f"<= {GOAL_MS:g} ms"),
        ("credit, search and a proposal from all likes", decided, Credit.PENDING, ""),
    ):
        spent: dict[str, list[float]] = {name: [] for name in states}
        for _ in range(REPEATS):
            await calm()
            for name, kept in states.items():
                new = asked(families.get(name, lambda n: n % (FEW // ALIKE)), state)
                with at_rest():
                    spent[name].append(milliseconds(kept, new, what))
        report.add(
            f"{part}, {MANY:,} remembered, p99", "ms", spent["many"], spent["few"],
            of=f"{FEW:,} remembered", goal=goal,
        )  # fmt: skip
        report.add(
            f"{part}, {most} of its own kind remembered, p99", "ms", spent["crowded"],
            spent["many"], of=f"{ALIKE} of each kind", goal=goal,
        )  # fmt: skip


def each_at_once(number: int, of_each: int) -> float:
    """Microseconds for each of so many that fall due together, in one batch of the lane; `of_each`
    of one kind."""
    kinds = max(1, number // of_each)
    state = loaded(as_kept(resolution(n, n % kinds, Credit.PENDING) for n in range(number)))
    batch = Batch(state, Recalled(entries={}, episodes={}, closed={}))
    due = sorted((at, subject) for (subject, _), at in state.timers.items())
    with at_rest():
        began = time.thread_time()
        for at, subject in due:
            batch.decide(TimerFired(at=at, subject=subject, name=credit.TIMER))
        spent = time.thread_time() - began
    state.keep()
    judged = [r for r in state.view.resolutions.values() if r.credit is not Credit.PENDING]
    assert judged
    return 1e6 * spent / number


async def test_ten_thousand_at_once(report: Report, cpus: Cpus) -> None:
    """F-RB-14: ten thousand resolutions in a day, of many families or all of one."""
    for what, of_each in ((f"{SMALL_KIND} of each kind", SMALL_KIND), ("all of one kind", 10**9)):
        spent: dict[int, list[float]] = {number: [] for number in AT_ONCE}
        for _ in range(REPEATS):
            await calm()
            for number in AT_ONCE:
                spent[number].append(each_at_once(number, of_each))
        report.add(
            f"one of {AT_ONCE[1]:,} resolutions due at once, {what}", "µs", spent[AT_ONCE[1]],
            spent[AT_ONCE[0]], of=f"one of {AT_ONCE[0]:,}",
        )  # fmt: skip


def megabytes() -> float:
    """What the memory of this program grows by; asked in one of its own."""
    number = len(of_many())
    gc.collect()
    before = memory_mb(os.getpid())[0]
    state = loaded(of_many())
    gc.collect()
    assert len(state.view.resolutions) == number
    return memory_mb(os.getpid())[0] - before


async def test_what_remembering_costs(report: Report, cpus: Cpus) -> None:
    asking = "from tests.bench.test_likeness import megabytes; print(megabytes())"
    own = await asyncio.create_subprocess_exec(
        sys.executable, "-c", asking, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await own.communicate()
    report.add(f"memory of {MANY:,} resolutions", "MB", [float(told)])
    report.add("one of them as JSON", "bytes", [float(len(text)) for text in of_many()[:FEW]])
