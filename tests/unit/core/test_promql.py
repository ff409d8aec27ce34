from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from agent.core.promql import DEEPEST, read, skim
from agent.core.promql_rules import Kind, is_empty_match
from agent.core.promql_tokens import LONGEST, PromqlError, Sort, tokens_of
from agent.core.promql_tree import (
    Aggregation,
    Binary,
    Call,
    Matcher,
    Number,
    Selector,
    Subquery,
    Text,
    Unary,
    parts_of,
    walk,
)
from tests.support.promql_texts import BROKEN, HARD, NEVERMORE, NEWER, Maker, joined

CORPUS = Path(__file__).parents[4] / "shared" / "corpora" / "kube-prometheus-rules.jsonl"


def fault(text: str) -> str:
    with pytest.raises(PromqlError) as caught:
        read(text)
    return str(caught.value)


def test_every_rule_of_a_published_rule_set_is_read() -> None:
    if not CORPUS.exists():
        pytest.skip(f"no corpus at {CORPUS}")
    rules = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    unread = [rule["alertname"] for rule in rules if fault_of(rule["expr"])]
    assert (len(rules), unread) == (139, [])


def fault_of(text: str) -> str:
    try:
        read(text)
    except PromqlError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", [*HARD, *NEWER])
def test_hard_ones_are_read(text: str) -> None:
    assert fault_of(text) == ""


@pytest.mark.parametrize("text", [*BROKEN, *NEVERMORE])
def test_broken_ones_are_not(text: str) -> None:
    assert fault_of(text) != ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(rate(up[5m))", "1:15: `)` means nothing here inside of []"),
        ("sum(\n  rate(up)\n)", "2:8: rate wants a range vector, as in x[5m], this is an instant"),
        ("up{job}", "1:7: expected one of = != =~ !~ after the label, found `}`"),
        ("up{job=api}", "1:8: expected a text in quotes, found `api`"),
        ("up offset", "1:10: expected a duration like 5m, found the end of the expression"),
        ("up[1h5m2h]", "1:4: `1h5m2h` is neither a number nor a duration like 5m or 1h30m"),
        ("up[5m", "1:6: expected `]` or `:` after the range, found the end of the expression"),
        ("sum(up", "1:7: expected `)` or `,` after the argument, found the end of the expression"),
        ("ratee(up[5m])", "1:1: there is no function ratee, did you mean rate?"),
        ("up == 'x'", "1:7: `==` needs numbers or instant vectors, this is a text"),
        ("1 < 2", "1:3: numbers are compared with bool: `< bool`"),
        ("round(up, 1, 2)", "1:1: round takes 1 to 2 arguments, got 3"),
        ("rate()", "1:1: rate takes 1 argument(s), got 0"),
        ("label_join(up)", "1:1: label_join takes at least 3 arguments, got 1"),
        ("topk(up)", "1:1: topk takes 2 argument(s), got 1"),
        ("(up)[5m]", "1:5: a range goes with a selector only; a subquery is written [5m:]"),
        ("up @ 1 @ 2", "1:8: @ is given twice"),
        ('"abc', '1:1: the text does not end: a closing " is missing'),
        ("up{a='\\q'}", "1:7: `\\q` is no escape that PromQL knows"),
        ("{}", "1:1: this selects every series: it needs a name or a label that must be there"),
        ("", "1:1: expected an expression, found the end of the expression"),
    ],
)
def test_a_fault_has_a_place_and_what_was_expected(text: str, expected: str) -> None:
    assert fault(text).startswith(expected)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300.0),
        ("1h30m", 5_400.0),
        ("1y2w3d4h5m6s7ms", 33_019_506.007),
        ("250ms", 0.25),
        ("90", 90.0),
        ("1.5e2", 150.0),
        ("0x10", 16.0),
        ("017", 15.0),
        ("1_000", 1_000.0),
    ],
)
def test_lengths_of_time_in_every_form(text: str, seconds: float) -> None:
    found = read(f"up[{text}]")
    assert isinstance(found, Selector)
    assert found.range_seconds == pytest.approx(seconds)


def test_a_selector_with_all_that_it_may_have() -> None:
    found = read("a:b{on='x', \"my.label\"!~`y`,}[5m] offset -1h @ end()")
    assert found == Selector(
        at=0,
        name="a:b",
        matchers=(Matcher("on", "=", "x"), Matcher("my.label", "!~", "y")),
        range_seconds=300.0,
        offset_seconds=-3600.0,
        is_pinned=True,
    )
    assert found.kind is Kind.RANGE


def test_a_name_in_quotes() -> None:
    found = read('{"my.metric"}')
    assert isinstance(found, Selector)
    assert found.matchers == (Matcher("__name__", "=", "my.metric"),)


def test_texts_say_what_they_say() -> None:
    assert read(r'"a\"\n\x41\101\u00e9"') == Text(0, 'a"\nAA\u00e9')
    assert read(r"`a\n`") == Text(0, r"a\n")


def test_a_subquery() -> None:
    found = read("max_over_time((up > 1)[1h:5m] offset 1d)")
    assert isinstance(found, Call)
    inner = found.arguments[0]
    assert isinstance(inner, Subquery)
    assert (inner.range_seconds, inner.step_seconds, inner.offset_seconds) == (3600, 300, 86400)


def test_operators_bind_as_in_prometheus() -> None:
    def shape(text: str) -> str:
        return _shape(read(text))

    assert shape("a + b * c") == "(a + (b * c))"
    assert shape("a - b - c") == "((a - b) - c)"
    assert shape("a ^ b ^ c") == "(a ^ (b ^ c))"
    assert shape("-a ^ b") == "-(a ^ b)"
    assert shape("a ^ -b * c") == "((a ^ -b) * c)"
    assert shape("a or b and c unless d") == "(a or ((b and c) unless d))"
    assert shape("a == b > c") == "((a == b) > c)"
    assert shape("a % b atan2 c") == "((a % b) atan2 c)"


def _shape(node: object) -> str:
    match node:
        case Binary(op=op, left=left, right=right):
            return f"({_shape(left)} {op} {_shape(right)})"
        case Unary(op=op, inner=inner):
            return f"{op}{_shape(inner)}"
        case Selector(name=name):
            return name
    raise AssertionError(node)


def test_grouping_before_and_after_mean_the_same() -> None:
    for text in ("sum without (on, job) (up)", "SUM(up) WITHOUT (on,job,)"):
        found = read(text)
        assert isinstance(found, Aggregation)
        assert (found.name, found.is_without, found.labels) == ("sum", True, ("on", "job"))


def test_matching_of_two_vectors() -> None:
    found = read("a > bool on(job) group_left(team) b")
    assert isinstance(found, Binary)
    matching = found.matching
    assert (matching.is_bool, matching.is_on, matching.labels) == (True, True, ("job",))
    assert (matching.group, matching.include) == ("group_left", ("team",))


def test_a_number_with_a_sign_is_a_number() -> None:
    assert read("-0x10") == Number(0, -16.0)


def test_skimming_takes_functions_and_kinds_it_does_not_know() -> None:
    for text in ("brand_new(up[5m], 'x') > 1", "rate(up)", "1 > 2", "up + 'x'", "{}"):
        assert fault_of(text) != ""
        assert list(walk(skim(text)))
    for text in ("sum(", "up[5m", "up offset x", "(up)[5m]"):
        with pytest.raises(PromqlError):
            skim(text)


def test_depth_is_bounded() -> None:
    deep = "(" * (DEEPEST - 1) + "up" + ")" * (DEEPEST - 1)
    assert fault_of(deep) == ""
    for text in (f"({deep})", "-" * DEEPEST + "up", "2^" * DEEPEST + "2", "abs(" * 500 + "up"):
        assert fault(text).endswith(f"nested more than {DEEPEST} levels deep")


def test_a_long_sum_is_no_nesting() -> None:
    tree = read("+".join(["up"] * (LONGEST // 3)))
    assert sum(1 for _ in walk(tree)) == 2 * (LONGEST // 3) - 1
    assert len(parts_of(tree)) == 2


def test_length_is_bounded() -> None:
    assert "at most" in fault("a" * (LONGEST + 1))


@pytest.mark.parametrize(
    "text",
    [
        "up" + "9" * 10_000,
        "9" * 10_000 + "s",
        "9" * 10_000,
        '"' + "\\" * 10_000,
        '"' + "a" * 10_000,
        "{" * 5_000,
        '{a=~"' + "[" * 10_000 + '"}',
        '{a=~"' + "(a*)*" * 2_000 + '"}',
        " " * 10_000 + "#" * 1_000,
        "1" + "e1" * 5_000,
        "0x" * 5_000,
    ],
)
def test_no_text_makes_it_stumble(text: str) -> None:
    assert isinstance(fault_of(text), str)


def test_tokens_know_their_place() -> None:
    tokens = tokens_of("up #x\n > 5m")
    assert [(t.sort, t.at) for t in tokens] == [
        (Sort.WORD, 0),
        (Sort.SIGN, 7),
        (Sort.DURATION, 9),
        (Sort.END, 11),
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", True),
        (".*", True),
        (".+", False),
        ("a|", True),
        ("(a|b)*", True),
        ("(a|b)?c", False),
        ("(?i:a*)b{0,3}", True),
        ("^$", True),
        ("[^]]*", True),
        ("[a-z]+?", False),
        ("(a*|b)(c?)", True),
        ("(|a)", True),
        (r"\.*", True),
        (r"\.", False),
        ("a{2}", False),
        ("[[:alpha:]]*", True),
        ("foo(-.*)?", False),
        ("a*[b", False),
    ],
)
def test_whether_a_pattern_matches_nothing_at_all(pattern: str, expected: bool) -> None:
    assert is_empty_match(pattern) is expected


def test_made_ones_are_read() -> None:
    maker = Maker(Random(3))
    for _ in range(200):
        text = joined(maker.vector(depth=3))
        assert fault_of(text) == "", text
