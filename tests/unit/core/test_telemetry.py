"""Running totals become windows, and windows are held against the declared baselines."""

from __future__ import annotations

import math

import msgspec
import pytest

from agent.core import drift, telemetry
from agent.model.reason import Reason
from agent.model.series import DriftState
from agent.model.signals import Aspect, Baseline, Mode, TelemetrySigns
from tests.support.members import MEMBER, Machinery, changed

WINDOW = drift.window_seconds(MEMBER.baselines[0])
FAULTY = "signal_faulty/drafter/telemetry"
SILENT = "member_silent/drafter/telemetry"
WORKING = changed(
    baselines=tuple(
        Baseline(aspect=aspect, mean=mean, within_seconds=28_800.0)
        for aspect, mean in (
            (Aspect.ERRORS, 0.1),
            (Aspect.LATENCY, 2.0),
            (Aspect.TOKENS, 500.0),
            (Aspect.WORK, 120.0),
        )
    )
)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, float]]:
    """Aspect, value and weight of each window that was handed on."""
    found: list[tuple[str, float, float]] = []

    def take(
        state: DriftState | None, baseline: Baseline, *, at: float, value: float, weight: float
    ) -> DriftState:
        found.append((baseline.aspect.value, value, weight))
        return state or DriftState(at=at, value=value)

    monkeypatch.setattr(drift, "take", take)
    return found


def total(world: Machinery) -> TelemetrySigns:
    found: TelemetrySigns = world.state.single["telemetry"]["drafter"]
    return found


def test_a_window_is_what_was_done_in_it(taken: list[tuple[str, float, float]]) -> None:
    world = Machinery(WORKING)
    world.counts(tasks=1000.0, errors=10.0, seconds=5000.0, tokens=9e6)
    assert taken == [], "one sample is a beginning"
    world.wait(WINDOW)
    world.counts(tasks=1020.0, errors=15.0, seconds=5050.0, tokens=9e6 + 8000)
    hourly = 20 * 3600 / WINDOW
    assert taken == [
        ("errors", 0.25, 20.0),
        ("latency", 2.5, 20.0),
        ("tokens", 400.0, 20.0),
        ("work", hourly, 1.0),
    ]
    assert (total(world).began_at, total(world).window.tasks) == (world.now, None)


def test_a_restart_counts_from_nothing(taken: list[tuple[str, float, float]]) -> None:
    world = Machinery(changed(baselines=(WORKING.baselines[0],)))
    world.counts(tasks=1000.0, errors=900.0, boot="b1")
    world.wait(WINDOW / 2)
    world.counts(tasks=1010.0, errors=900.0, boot="b1")
    world.wait(WINDOW / 2)
    world.counts(tasks=10.0, errors=2.0, boot="b2")
    assert taken == [("errors", 0.1, 20.0)]


def test_lower_totals_without_a_boot_are_a_restart(taken: list[tuple[str, float, float]]) -> None:
    world = Machinery(changed(baselines=(WORKING.baselines[0],)))
    world.counts(tasks=1000.0, errors=900.0)
    world.wait(WINDOW)
    world.counts(tasks=20.0, errors=2.0)
    assert taken == [("errors", 0.1, 20.0)]


def test_lower_totals_of_many_instances_say_nothing(
    taken: list[tuple[str, float, float]],
) -> None:
    """One of them went away: what is left is no increment."""
    world = Machinery(changed(baselines=(WORKING.baselines[0],)))
    world.counts(tasks=90_000.0, errors=900.0, source="prometheus")
    world.wait(WINDOW)
    world.counts(tasks=60_000.0, errors=600.0, source="prometheus")
    world.wait(WINDOW)
    world.counts(tasks=60_020.0, errors=602.0, source="prometheus")
    assert taken == [("errors", 0.1, 20.0)]


def test_a_gap_is_not_averaged_over(taken: list[tuple[str, float, float]]) -> None:
    world = Machinery(WORKING)
    world.counts(tasks=10.0)
    world.wait(3 * WINDOW + 1)
    world.counts(tasks=5000.0)
    assert taken == []
    assert total(world).began_at == world.now


def test_few_tasks_are_no_share_and_are_work_all_the_same(
    taken: list[tuple[str, float, float]],
) -> None:
    world = Machinery(WORKING)
    world.counts(tasks=0.0, errors=0.0)
    for done in (1.0, 2.0, 3.0):
        world.wait(WINDOW)
        world.counts(tasks=done, errors=done)
        assert taken == [], "it waits for more"
    world.wait(WINDOW)
    world.counts(tasks=4.0, errors=4.0)
    assert taken == [("work", 3600.0 / WINDOW, 4.0)]


def test_a_quarantined_member_that_does_nothing_is_not_slow(
    taken: list[tuple[str, float, float]],
) -> None:
    world = Machinery(changed(baselines=(WORKING.baselines[3],)))
    world.says(mode=Mode.OBSERVE)
    world.counts(tasks=7.0)
    for _ in range(4):
        world.wait(WINDOW)
        world.says(mode=Mode.OBSERVE)
        world.counts(tasks=7.0)
    assert taken == []
    assert total(world).began_at == world.now, "and what comes after it is a window of its own"


def test_a_drift_begins_an_incident_and_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([False, True, True, False])
    monkeypatch.setattr(
        drift,
        "judge",
        lambda _state, _baseline: drift.Drifted(drifting=next(said), text="0.3 where 0.1 is usual"),
    )
    world = Machinery(changed(baselines=(WORKING.baselines[0],)))
    world.counts(tasks=0.0, errors=0.0)
    seen = []
    for n in range(1, 5):
        world.wait(WINDOW)
        world.counts(tasks=20.0 * n, errors=6.0 * n)
        seen.append(len(world.firing("AgentDrifting")))
    assert seen == [0, 1, 1, 0]
    (case,) = (i for i in world.incidents if "AgentDrifting" in i.title)
    assert "0.3 where 0.1 is usual" in case.title
    assert case.routed_to == "team-agents"
    assert {Reason.AGENT_ERRS, Reason.DRIFT_OVER} <= set(world.reasons)


def test_a_member_whose_tasks_begin_to_fail_is_found() -> None:
    """With the real test for drift: calm for days, then three times as many errors."""
    world = Machinery(changed(baselines=(Baseline(aspect=Aspect.ERRORS, mean=0.01),), work=None))
    window = drift.window_seconds(Baseline(aspect=Aspect.ERRORS, mean=0.01))
    done = bad = 0.0
    world.counts(tasks=done, errors=bad)
    for n in range(400):
        world.wait(window)
        done, bad = done + 1000, bad + 8 + n % 5
        world.counts(tasks=done, errors=bad)
    assert world.firing("AgentDrifting") == []
    for _ in range(96):
        world.wait(window)
        done, bad = done + 1000, bad + 30
        world.counts(tasks=done, errors=bad)
    assert world.firing("AgentDrifting")


def test_who_declares_no_baseline_is_held_against_none() -> None:
    world = Machinery(changed(baselines=()))
    world.counts(tasks=1.0)
    world.wait(10_000)
    world.counts(tasks=100.0)
    assert world.state.single["drift"] == {}


# who lives


def test_telemetry_of_its_own_is_a_sign_of_life() -> None:
    world = Machinery()
    world.says()
    for n in range(1, 10):
        world.wait(10)
        world.counts(tasks=float(n), errors=0.0)
    assert world.firing("AgentSilent") == []
    world.wait(15)
    assert world.firing("AgentSilent")
    world.counts(tasks=11.0, errors=0.0)
    assert world.firing("AgentSilent") == []


def test_what_others_count_is_none() -> None:
    world = Machinery()
    world.says()
    world.wait(10)
    world.counts(tasks=3.0, errors=0.0, source="prometheus")
    world.wait(5)
    assert world.firing("AgentSilent")


def test_replayed_totals_are_no_sign_of_life() -> None:
    world = Machinery()
    world.counts(tasks=1000.0, errors=0.0, boot="b1")
    world.wait(16)
    world.counts(tasks=10.0, errors=0.0, boot="b1")
    assert world.state.single["agent"]["drafter"].last_at == world.now - 16
    assert "totals go back within one boot" in world.spots()[FAULTY].text
    assert total(world).counters.tasks == 1000.0


def test_two_who_count_the_same_are_not_added_up(taken: list[tuple[str, float, float]]) -> None:
    world = Machinery(changed(baselines=(WORKING.baselines[0],)))
    world.counts(tasks=0.0, errors=0.0)
    world.wait(WINDOW)
    world.counts(tasks=500.0, errors=500.0, source="prometheus")
    world.counts(tasks=20.0, errors=2.0)
    assert taken == [("errors", 0.1, 20.0)]
    assert total(world).source == ""


def test_a_stranger_that_counts_is_a_blind_spot() -> None:
    world = Machinery()
    world.counts("stranger", tasks=1.0)
    assert list(world.spots()) == ["member_unknown/stranger"]
    assert world.state.single["telemetry"] == {}


# what is not known


def test_a_baseline_without_telemetry_is_a_blind_spot() -> None:
    world = Machinery()
    timer = telemetry.watch("drafter", world.view, at=world.now)
    assert timer is not None
    world.keep_timer(timer)
    world.wait(28_800)
    assert "no telemetry came ever" in world.spots()[SILENT].text
    assert world.spots()[SILENT].owner == "team-agents"
    world.counts(tasks=1.0, errors=0.0)
    assert SILENT not in world.spots()
    world.wait(28_801)
    assert "no telemetry came for 28800 s" in world.spots()[SILENT].text
    assert world.firing("AgentDrifting") == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e200])
def test_what_can_be_no_total_is_not_counted(value: float) -> None:
    world = Machinery()
    world.counts(tasks=1.0, errors=0.0)
    world.wait(60)
    world.counts(tasks=value, errors=0.0)
    assert total(world).counters.tasks == 1.0
    assert total(world).window.tasks is None


def test_a_total_that_its_baseline_needs_and_that_never_comes_is_told() -> None:
    world = Machinery()
    world.counts(tasks=1.0)
    assert "errors: missing" in world.spots()[FAULTY].text
    world.counts(tasks=2.0, errors=0.0)
    world.wait(61)
    world.counts(tasks=3.0, errors=0.0)
    assert world.spots() == {}


def test_a_clock_that_is_off_is_told() -> None:
    world = Machinery()
    world.counts(tasks=1.0, errors=0.0, sent_at=world.now - 3600)
    assert "more than 5 min behind" in world.spots()[FAULTY].text


def test_a_policy_may_ask_for_shorter_windows(taken: list[tuple[str, float, float]]) -> None:
    world = Machinery(
        changed(baselines=(Baseline(aspect=Aspect.ERRORS, mean=0.1, within_seconds=300.0),))
    )
    world.view.policy = msgspec.structs.replace(world.view.policy, drift_window_seconds=2.0)
    world.counts(tasks=0.0, errors=0.0)
    for round_ in (1, 2, 3):
        world.wait(2)
        world.counts(tasks=20.0 * round_, errors=5.0 * round_)
    assert taken == [("errors", 0.25, 20.0)] * 3
