from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.core.decay import (
    STALE,
    UNNAMED,
    UNREADABLE,
    firing_for,
    is_beyond,
    look_back_of,
    quiet_for,
)
from agent.model.policy import Policy
from agent.model.runbook import Decay

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
POLICY = Policy(evaluation_interval_seconds=30.0, group_interval_seconds=120.0)
CORPUS = Path(__file__).parents[4] / "shared" / "corpora" / "kube-prometheus-rules.jsonl"


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("vector(1)", 0.0),
        ("increase(errors_total[1h]) > 5", HOUR),
        ("rate(a[5m]) / rate(b[15m])", 15 * MINUTE),
        ("rate(a[5m] offset 1h)", HOUR + 5 * MINUTE),
        ("rate(a[5m] offset -1h)", 5 * MINUTE),
        ("rate(a[5m] @ 1700000000)", 5 * MINUTE),
        ("max_over_time(rate(a[5m])[1h:1m])", HOUR + 5 * MINUTE),
        ("max_over_time(rate(a[5m] offset 10m)[1h:] offset 1d)", DAY + HOUR + 15 * MINUTE),
        ("max_over_time(min_over_time(rate(a[1m])[10m:])[1h:])", HOUR + 11 * MINUTE),
        ("max_over_time((up == 0)[1h:])", HOUR + STALE),
        ("sum by (a) (topk(3, -rate(a[2h]))) > bool 1 unless vector(0)", 2 * HOUR),
        ("predict_linear(disk_free[6h], 4 * 24 * 3600) < 0", 6 * HOUR),
    ],
)
def test_how_far_an_expression_looks_back(expression: str, seconds: float) -> None:
    found = look_back_of(expression)
    assert (found.seconds, found.is_known, found.is_recorded) == (seconds, True, False)


def test_a_series_that_ends_without_a_marker_is_held_for_five_minutes() -> None:
    assert look_back_of("up == 0").seconds == STALE
    assert look_back_of("up offset 1h == 0").seconds == HOUR + STALE


def test_what_is_absent_is_over_as_soon_as_it_comes_back() -> None:
    assert look_back_of("absent(up)").seconds == 0.0
    assert look_back_of("absent(sum(up) > 1)").seconds == 0.0
    assert look_back_of("absent(up) or down == 1").seconds == STALE
    assert look_back_of("absent_over_time(up[10m])").seconds == 10 * MINUTE


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("job:errors:rate5m", 5 * MINUTE),
        ("apiserver_request:burnrate1h", HOUR),
        ("apiserver_request:availability30d", 30 * DAY),
        ("job:latency:mean_1h30m", 90 * MINUTE),
        ("job:errors:rate5m:sum", 5 * MINUTE),
        ("slo:errors:ratio_rate2h:max", 2 * HOUR),
        ("ns:cpu:sum", UNNAMED),
        ("ns:cpu:p99", UNNAMED),
        ("ns:http_5xx:sum", UNNAMED),
        ("ALERTS", UNNAMED),
    ],
)
def test_a_recording_rule_states_its_window_in_its_name(name: str, window: float) -> None:
    for text in (name, f'{{__name__="{name}"}}', f'{{"{name}"}} > 1'):
        found = look_back_of(text)
        assert (found.seconds, found.is_recorded) == (window + STALE, True)
    assert look_back_of(f"max_over_time({name}[1h])").seconds == window + HOUR


def test_after_the_look_back_come_one_evaluation_keep_firing_for_and_the_group() -> None:
    decay = Decay(expression="increase(a[1h]) > 1", keep_firing_for_seconds=600.0)
    assert firing_for(decay, None, POLICY) == HOUR + 30 + 600 + 120
    grouped = Decay(expression="increase(a[1h]) > 1", group_interval_seconds=5.0)
    assert firing_for(grouped, None, POLICY) == HOUR + 30 + 5


def test_a_recording_rule_is_evaluated_as_well() -> None:
    found = firing_for(Decay(expression="a:b:rate1h > 1"), None, POLICY)
    assert found == HOUR + STALE + 2 * 30 + 120


def test_what_a_person_wrote_is_taken() -> None:
    assert firing_for(Decay(seconds=42.0), "increase(a[1h])", POLICY) == 42.0
    assert firing_for(Decay(seconds=0.0), "increase(a[1h])", POLICY) == 0.0


def test_the_expression_of_the_runbook_wins_over_that_of_the_alert() -> None:
    decay = Decay(expression="rate(a[5m])")
    assert firing_for(decay, "rate(a[1h])", POLICY) == 5 * MINUTE + 30 + 120
    assert firing_for(Decay(), "rate(a[1h])", POLICY) == HOUR + 30 + 120


def test_what_the_alert_itself_looks_back_may_be_bounded() -> None:
    text = "rate(a[200y]) > 0"
    assert firing_for(Decay(), text, POLICY, longest=HOUR) == HOUR + 30 + 120
    assert is_beyond(Decay(), text, HOUR)
    assert not is_beyond(Decay(), "rate(a[1h])", HOUR)
    assert not is_beyond(Decay(), None, HOUR)


def test_what_the_author_of_the_runbook_wrote_is_not_bounded() -> None:
    for decay in (Decay(seconds=DAY), Decay(expression="rate(a[1d])")):
        assert firing_for(decay, "rate(b[5m])", POLICY, longest=HOUR) >= DAY
        assert not is_beyond(decay, "rate(b[200y])", HOUR)


def test_an_alert_without_an_expression_does_not_look_back() -> None:
    assert firing_for(Decay(), None, POLICY) == 0.0
    assert firing_for(Decay(), "  ", POLICY) == 0.0


@pytest.mark.parametrize("text", ["rate(", "@#!", "((((", "a[5m*2]", "\x00", "select * from x"])
def test_what_cannot_be_read_gets_the_safe_default(text: str) -> None:
    found = look_back_of(text)
    assert (found.seconds, found.is_known) == (UNREADABLE, False)
    assert firing_for(Decay(), text, POLICY) == UNREADABLE + 2 * 30 + 120


def test_a_window_in_what_cannot_be_read_still_counts() -> None:
    assert look_back_of("new_syntax => rate(a[3h]) | x[30m]").seconds == 3 * HOUR
    assert look_back_of("max_over_time(x[1d:5m] smoothed)").seconds >= DAY


def test_half_an_expression_is_not_read_although_the_half_reads_well() -> None:
    found = look_back_of("rate(a[5m]) > 1 # because ...[3000 characters 0123456789abcdef]")
    assert (found.seconds, found.is_known) == (UNREADABLE, False)


@pytest.mark.parametrize("wrong", [float("nan"), -1.0, float("-inf")])
def test_numbers_that_make_no_sense_count_as_nothing(wrong: float) -> None:
    assert firing_for(Decay(seconds=wrong), None, POLICY) == 0.0
    decay = Decay(
        expression="rate(a[1h])", keep_firing_for_seconds=wrong, group_interval_seconds=wrong
    )
    assert firing_for(decay, None, POLICY) == HOUR + 30
    assert quiet_for(Decay(for_seconds=wrong), POLICY) == 0.0


def test_for_makes_no_alert_last_but_its_silence_proves_nothing_before() -> None:
    decay = Decay(expression="increase(a[1h]) > 1", for_seconds=900.0)
    without = Decay(expression="increase(a[1h]) > 1")
    assert firing_for(decay, None, POLICY) == firing_for(without, None, POLICY)
    assert quiet_for(decay, POLICY) == 900.0 + 30.0
    assert quiet_for(without, POLICY) == 0.0


def test_every_rule_of_a_published_rule_set_is_understood() -> None:
    if not CORPUS.exists():
        pytest.skip(f"no corpus at {CORPUS}")
    rules: list[dict[str, Any]] = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    found = [look_back_of(rule["expr"]) for rule in rules]
    assert all(f.is_known for f in found)
    shorter = sum(f.seconds < UNREADABLE for f in found)
    assert shorter >= 0.9 * len(found)  # what the safe default is based on
