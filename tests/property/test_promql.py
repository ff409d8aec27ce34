"""What holds of every PromQL expression, made from the grammar, broken, or no PromQL at all."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.alert_expression import expression_of, metrics_of
from agent.core.decay import firing_for, look_back_of, quiet_for
from agent.core.promql import read, skim
from agent.core.promql_tokens import PromqlError
from agent.model.policy import Policy
from agent.model.runbook import Decay
from tests.support.promql_texts import Maker, Words, broken, joined

SECONDS = {
    "5m": 300.0,
    "1h30m": 5_400.0,
    "1d": 86_400.0,
    "90s": 90.0,
    "250ms": 0.25,
    "2w": 1_209_600.0,
    "1y1ms": 31_536_000.001,
}
POLICY = Policy()

randoms = st.randoms(use_true_random=False)


@st.composite
def made(draw: st.DrawFn) -> Words:
    return Maker(draw(randoms)).vector(depth=draw(st.integers(0, 3)))


spans = st.floats(0.0, 1e6)


def windows(words: Words) -> list[float]:
    """The ranges as they are written, found without the reader."""
    return [SECONDS[w] for before, w in pairwise(words) if before == "["]


@given(made(), spans, spans)
@settings(max_examples=300, deadline=None)
def test_decay_is_never_shorter_than_the_longest_window(
    words: Words, keep: float, group: float
) -> None:
    text = joined(words)
    longest = max(windows(words), default=0.0)
    assert look_back_of(text).is_known
    assert look_back_of(text).seconds >= longest
    decay = Decay(keep_firing_for_seconds=keep, group_interval_seconds=group)
    assert firing_for(decay, text, POLICY) >= longest + keep + group


@given(made(), randoms, st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_so_it_is_where_the_expression_cannot_be_read(
    words: Words, random: Random, rubbish: str
) -> None:
    for text in (joined(broken(words, random)), joined(words) + rubbish, rubbish + joined(words)):
        found = look_back_of(text)
        if not found.is_known:
            assert found.seconds >= max(_written(text), default=0.0)


def _written(text: str) -> list[float]:
    parts = [part.partition("]") for part in text.split("[")[1:]]
    return [SECONDS[p.split(":")[0].strip()] for p, end, _ in parts if end and _is_span(p)]


def _is_span(part: str) -> bool:
    return part.split(":")[0].strip() in SECONDS


@given(made(), made())
@settings(max_examples=200, deadline=None)
def test_more_of_it_never_looks_back_less(one: Words, two: Words) -> None:
    first, second = joined(one), joined(two)
    both = look_back_of(f"({first}) or ({second})").seconds
    assert both == max(look_back_of(first).seconds, look_back_of(second).seconds)
    around = look_back_of(f"max_over_time(({first})[1h:] offset 1d)").seconds
    assert around == look_back_of(first).seconds + 3_600 + 86_400


@given(made(), st.lists(spans, min_size=8, max_size=8))
@settings(max_examples=200, deadline=None)
def test_longer_times_never_shorten_it(words: Words, times: list[float]) -> None:
    text = joined(words)
    keep, more_keep, group, more_group, each, more_each, wait, more_wait = times
    less = Decay(
        expression=text,
        for_seconds=wait,
        keep_firing_for_seconds=keep,
        group_interval_seconds=group,
    )
    more = Decay(
        expression=text,
        for_seconds=wait + more_wait,
        keep_firing_for_seconds=keep + more_keep,
        group_interval_seconds=group + more_group,
    )
    slower = Policy(evaluation_interval_seconds=each + more_each)
    quicker = Policy(evaluation_interval_seconds=each)
    assert firing_for(more, None, slower) >= firing_for(less, None, quicker)
    assert quiet_for(more, slower) >= quiet_for(less, quicker)


@given(st.text(max_size=300), st.floats(), st.floats(), st.floats(), st.floats())
@settings(max_examples=300, deadline=None)
def test_no_input_is_without_an_answer(
    text: str, keep: float, group: float, wait: float, seconds: float
) -> None:
    decay = Decay(for_seconds=wait, keep_firing_for_seconds=keep, group_interval_seconds=group)
    for found in (
        firing_for(decay, text, POLICY),
        firing_for(Decay(expression=text), None, POLICY),
        firing_for(Decay(seconds=seconds), text, POLICY),
        quiet_for(decay, POLICY),
    ):
        assert found >= 0.0
        assert not math.isnan(found)
    assert isinstance(metrics_of(text), tuple)
    assert isinstance(expression_of(text), str | None)


@given(made(), randoms)
@settings(max_examples=300, deadline=None)
def test_reading_ends_in_a_tree_or_in_a_placed_fault(words: Words, random: Random) -> None:
    assert repr(read(joined(words))) == repr(skim(joined(words)))  # NaN is not NaN
    text = joined(broken(words, random))
    place = _fault(text)
    assert place is None or (place[0] == 1 and 1 <= place[1] <= len(text) + 1)


def _fault(text: str) -> tuple[int, int] | None:
    try:
        read(text)
    except PromqlError as error:
        return error.line, error.column
    return None


@given(made(), st.sampled_from([" ", "\n", "\t\n", " # a note [1y]\n"]))
@settings(max_examples=150, deadline=None)
def test_blanks_and_notes_mean_nothing(words: Words, blank: str) -> None:
    assert look_back_of(blank.join(words)) == look_back_of(joined(words))
