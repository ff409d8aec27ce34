"""What happens at a moment of the virtual clock, and what a test expects of it."""

from __future__ import annotations

from tests.unit.runtime.test_rehearsal_world import GONE, WELL, played

FIRING = f"{{after: {{alert: firing, facts: {GONE}}}}}"


def test_what_is_expected_of_a_moment_is_compared_with_it() -> None:
    result = played(
        "{}",
        "{state: resolved}",
        at="[{time: 10s, expect: {state: verifying}}, {time: 10m, expect: {state: resolved}}]",
    )
    assert result.differences == ()
    wrong = played("{}", "{}", at="[{time: 90s, expect: {state: acting, plan: pin}}]")
    assert wrong.differences == ("at 1m30s state: expected 'acting', got 'resolved'",)
    assert wrong.expected == {"at 1m30s state": "acting", "at 1m30s plan": "pin"}


def test_two_expectations_of_one_time_are_two() -> None:
    at = "[{time: 10s, expect: {state: open}}, {time: 10s, expect: {state: verifying}}]"
    assert played("{}", "{}", at=at).differences == (
        "at 10s (at[0]) state: expected 'open', got 'verifying'",
    )


def test_of_one_moment_the_world_changes_first_and_is_looked_at_last() -> None:
    """The first look of the proof is after 30 s: it sees what is said of that moment."""
    ends = "{ready: 0, restarts: 9, changed_ago: 10m}"
    back = "{ready: 1, restarts: 9, changed_ago: 10m}"
    at = f"[{{time: 30s, facts: {{pods: {ends}}}, expect: {{plan: restart, rollback: held}}}}]"
    given = f"{{after: {{alert: firing, facts: {WELL}}}, restored: {{facts: {{back: {back}}}}}}}"
    assert played(given, "{}", at=at).differences == ()
    later = at.replace("30s", "31s").replace("plan: restart, rollback: held", "plan: pin")
    assert played(given, "{}", at=later).differences == ()


def test_the_alert_does_what_the_moments_say_unless_after_says_so_too() -> None:
    at = "[{time: 2h, alert: resolved}]"
    given = f"{{after: {{facts: {WELL}}}}}"
    assert played(given, "{verdict: failed}", at=at).passed
    written = given.replace("{after: {", "{after: {alert: resolved, ")
    assert played(written, "{verdict: held}", at=at).passed


def test_observations_show_the_latest_that_was_said() -> None:
    at = f"[{{time: 20s, facts: {WELL}}}, {{time: 6m, alert: resolved}}]"
    assert played(FIRING, "{verdict: held}", at=at).passed
    late = at.replace("20s", "40s")
    assert played(FIRING, "{verdict: failed, rollback: inconclusive}", at=late).passed


def test_diagnostics_show_it_as_well() -> None:
    at = "[{time: 0s, facts: {now: {ready: 1, restarts: 9, changed_ago: 5h}}}]"
    result = played("{}", "{stopped_by: decided_to_escalate}", at=at)
    assert result.differences == (), "the alert comes first: what is found at the same time is new"


def test_an_alert_that_comes_again_is_an_incident_of_its_own() -> None:
    at = "[{time: 10m, expect: {state: resolved}}, {time: 20m, alert: firing}]"
    given = f"{{after: {{alert: resolved, facts: {WELL}}}}}"
    result = played(given, "{stopped_by: cooldown, actions: []}", at=at)
    assert result.differences == ()


def test_a_message_that_says_nothing_new_changes_nothing() -> None:
    at = "[{time: 5s, alert: firing}, {time: 10m, alert: resolved}, {time: 11m, alert: resolved}]"
    given = f"{{after: {{facts: {WELL}}}}}"
    assert played(given, "{verdict: held, outcome: healed}", at=at).passed


def test_a_settling_row_waits_for_as_long_as_it_says() -> None:
    busy = "{facts: {now: {ready: 1, restarts: 9, changed_ago: 1m, is_busy: true}}}"
    at = "[{time: TIME, alert: resolved}]"
    assert played(busy, "{outcome: settled}", at=at.replace("TIME", "19m")).passed
    assert played(busy, "{outcome: routed}", at=at.replace("TIME", "21m")).passed


def test_a_test_that_waits_for_a_month_ends() -> None:
    at = "[{time: 30d, expect: {state: escalated}}]"
    assert played(FIRING, "{}", at=at).passed


def test_the_timeline_tells_when_what_happened() -> None:
    result = played("{window: closed}", "{verdict: held}")
    assert not result.passed
    assert any("0s" in line and "outside of the change window" in line for line in result.timeline)
