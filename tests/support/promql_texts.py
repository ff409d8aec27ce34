"""PromQL of all kinds for tests: written by hand, made from the grammar, and broken on purpose.

Made ones are lists of words, so that a test can break them word by word; they hold only what a
Prometheus of 2023 (2.42) knows.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Words = list[str]

HARD = (
    "up",
    "# all of it\nsum by (job) (\n  rate(http_requests_total{code=~`5..`}[5m]) # why\n) > 0.05",
    'sum without(instance, pod,)(rate(errors_total{job!="a\\"b",env=\'x\'}[1h30m] offset 5m))',
    "max_over_time(rate(errors_total[5m])[1h:1m]) > 3 and on() absent(maintenance == 1)",
    "min_over_time((up == bool 0)[30m:] offset 1w @ 1700000000) == 1",
    "a:b:c - on(job, sum) group_left(by, team) d:e / ignoring(pod) group_right f",
    "-some_metric ^ 2 ^ -other * +third % 5 atan2 6e-1",
    "histogram_quantile(0.99, sum by (le, offset) (rate(latency_bucket[2m]))) > 1",
    "predict_linear(disk_free[6h], 4 * 24 * 3600) < 0 unless disk_readonly == 1",
    "count_values by (version) ('build', build_info) > 1 or vector(0)",
    "label_replace(label_join(up, 'a', ',', 'b', 'c'), \"d\", `$1`, '', '(.*)') == Inf",
    'topk(3, sum) + BOTTOMK without () (0x1F, by{and="or"} offset -1d2h)',
    "quantile_over_time(0.9, lat[7d])[30m:30s] @ end() offset 1h",
    'absent_over_time({__name__=~"job:.+", on="", bool!~"a|b"}[1y2w3d4h5m6s7ms])',
    "scalar(time() - timestamp(last_success)) > bool 86400",
    "clamp_max(changes(leader[1m]), 017) >= .5e1",
)

BROKEN = (
    "",
    "   # nothing\n",
    "up)",
    "(up",
    "sum(",
    "sum(up",
    "sum up",
    "sum()",
    "sum(up, down)",
    "topk(up)",
    "topk('a', up)",
    "sum by (a b) (up)",
    "sum by (a,,b) (up)",
    "sum by (,) (up)",
    "sum by (without) (up)",
    "sum by (a:b) (up)",
    "sum by (inf) (up)",
    "sum by (a) (up) by (b)",
    "up{",
    "up{a}",
    "up{a=}",
    "up{a=b}",
    'up{a="b" c="d"}',
    "up{,}",
    'up{a=="b"}',
    'up{a:b="c"}',
    'up{a="b"',
    'up{__name__="down"}',
    "{}",
    '{a=""}',
    '{a=~".*"}',
    '{a!="b"}',
    '{a=~"x|"}',
    "up[5m",
    "up[]",
    "up[5m1h]",
    "up[5m5m]",
    "up[5x]",
    "up[0s]",
    "up[1.5h]",
    "up[-5m]",
    "up[5m:5m:5m]",
    "up[:5m]",
    "up[5m][5m]",
    "up[5m] [5m:]",
    "(up)[5m]",
    "sum(up)[5m]",
    "up offset 5m [5m]",
    "up @ 5 [5m]",
    "1[5m:]",
    "up offset",
    "up offset 5m offset 5m",
    "(up) offset 5m",
    "1 offset 5m",
    "up @",
    "up @ x",
    "up @ start",
    "up @ inf",
    "up @ 1 @ 2",
    "up @ 5m",
    "sum(up) @ 5",
    "rate(up)",
    "rate(up[5m:5m]",
    "rate(5)",
    "rate(up[5m], 1)",
    "rate()",
    "rate(up[5m],)",
    "ratee(up[5m])",
    "RATE(up[5m])",
    "round(up, 1, 2)",
    "label_join(up, 'a')",
    "pi(1)",
    "a:b(up)",
    "and(up)",
    "offset(up)",
    "start()",
    "1 > 2",
    "1 + bool 2",
    "up + bool 2",
    "1 and 2",
    "up and 1",
    "up or 'x'",
    "'a' + 'b'",
    "-'a'",
    "-up[5m]",
    "up[5m] > 1",
    "up and on(a) group_left down",
    "up * group_left down",
    "up * on a down",
    "up * on(a) group_left(a) down",
    "up * on(a) 2",
    "up bool == 1",
    "up == = 1",
    "up = 1",
    "up === 1",
    "up ! 1",
    "up =~ 'a'",
    "up && down",
    "up ++",
    "* up",
    "up down",
    "bool",
    "on",
    "group_left",
    "atan2",
    "1e",
    "0x",
    "0xg",
    "1.2.3",
    "1..2",
    "5mm",
    "1e400",
    "0xFFFFFFFFFFFFFFFFF",
    "5d3",
    "'a",
    '"a\nb"',
    "'a\\q'",
    "'\\400'",
    "'\\ud800'",
    "'\\x1'",
    "`a",
    "up; down",
    "up $ down",
    "up\u00a0",
    "\u00fcp",
    "up[1000y]",
)

NEVERMORE = ("up @ start() [5m]", "up[5m a]")
"""Taken by 2.42 by oversight and refused since; refused here."""

NEWER = (
    "up[300]",
    "up offset 300",
    "up offset 0s",
    "up offset +5m",
    "max_over_time(up[3600:60.5])",
    "up > 5m",
    'sum by ("a.b") ({"my.metric", "other.label"=~"x"})',
    "histogram_avg(up) > 1_000",
    "limitk(2, up)",
    "sort_by_label(up, 'a')",
    "mad_over_time(up[5m])",
)
"""What came after 2.42 and is read here."""

_METRICS = ("up", "errors_total", "job:errors:rate5m", "sum", "by", "end", "unless")
_LABELS = ("job", "le", "on", "bool", "sum", "offset", "by")
_VALUES = ('"a"', "'b'", "`c`", '""', '"\\n\\x41"', '"x.*"')
_DURATIONS = ("5m", "1h30m", "1d", "90s", "250ms", "2w", "1y1ms")
_NUMBERS = ("1", "0.5", "1e3", "0x1f", "NaN", "Inf", ".5", "017")
_OF_RANGE = ("rate", "increase", "max_over_time", "absent_over_time", "deriv", "irate")
_OF_VECTOR = ("abs", "absent", "ceil", "sort", "sgn", "timestamp", "histogram_count")
_ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
_COMPARISON = ("==", "!=", "<", ">", "<=", ">=")
_NOT_AN_OPERAND = ("", "(", ",", "and", "or", "unless", "bool", *_ARITHMETIC, *_COMPARISON)


class Maker:
    """Makes valid expressions, not deeper than asked."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def vector(self, depth: int) -> Words:
        if depth <= 0:
            return self.selector() + self.moved()
        return self.one(
            lambda: self.selector() + self.moved(),
            lambda: [self.pick(_OF_RANGE), "(", *self.ranged(depth - 1), ")"],
            lambda: [self.pick(_OF_VECTOR), "(", *self.vector(depth - 1), ")"],
            lambda: ["(", *self.vector(depth - 1), ")"],
            lambda: [self.pick(("-", "+")), *self.vector(depth - 1)],
            lambda: self.aggregated(depth - 1),
            lambda: self.joined(depth - 1),
            lambda: [*self.vector(depth - 1), self.pick(_ARITHMETIC), *self.scalar(depth - 1)],
            lambda: [*self.vector(depth - 1), self.pick(_COMPARISON), *self.scalar(0)],
        )

    def scalar(self, depth: int) -> Words:
        if depth <= 0:
            return [self.pick(_NUMBERS)]
        return self.one(
            lambda: [self.pick(_NUMBERS)],
            lambda: ["scalar", "(", *self.vector(depth - 1), ")"],
            lambda: ["time", "(", ")"],
            lambda: [*self.scalar(depth - 1), self.pick(_ARITHMETIC), *self.scalar(depth - 1)],
            lambda: [*self.scalar(0), self.pick(_COMPARISON), "bool", *self.scalar(0)],
        )

    def ranged(self, depth: int) -> Words:
        return self.one(
            lambda: [*self.selector(), "[", self.pick(_DURATIONS), "]", *self.moved()],
            lambda: [
                *("(", *self.vector(depth), ")"),
                *("[", self.pick(_DURATIONS), ":", *self.one(lambda: [], lambda: ["1m"]), "]"),
                *self.moved(),
            ],
        )

    def selector(self) -> Words:
        name = self.pick(_METRICS)
        if self.random.random() < 0.4:
            return [name]
        matchers: Words = []
        for _ in range(self.random.randrange(3)):
            matchers += [self.pick(_LABELS), self.pick(("=", "!=", "=~", "!~"))]
            matchers += [self.pick(_VALUES), ","]
        return [name, "{", *matchers, "}"]

    def moved(self) -> Words:
        return self.one(
            lambda: [],
            lambda: [],
            lambda: ["offset", *self.one(lambda: [], lambda: ["-"]), self.pick(_DURATIONS)],
            lambda: ["@", *self.one(lambda: ["1700000000"], lambda: ["start", "(", ")"])],
        )

    def aggregated(self, depth: int) -> Words:
        name = self.pick(("sum", "AVG", "count", "topk", "count_values", "quantile"))
        first = {"topk": ["3", ","], "count_values": ['"v"', ","], "quantile": ["0.9", ","]}
        body = ["(", *first.get(name, []), *self.vector(depth), ")"]
        labels = self.labels(self.pick(("by", "without")))
        return self.one(
            lambda: [name, *body], lambda: [name, *labels, *body], lambda: [name, *body, *labels]
        )

    def labels(self, word: str) -> Words:
        chosen = self.random.sample(_LABELS, self.random.randrange(3))
        return [word, "(", *[w for label in chosen for w in (label, ",")], ")"]

    def joined(self, depth: int) -> Words:
        on = self.one(lambda: [], lambda: self.labels("ignoring"), lambda: ["on", "(", "job", ")"])
        op = self.pick((*_ARITHMETIC, *_COMPARISON, "and", "or", "unless"))
        if op in _COMPARISON and self.random.random() < 0.3:
            on = ["bool", *on]
        elif on and op in _ARITHMETIC and self.random.random() < 0.5:
            on = [*on, self.pick(("group_left", "group_right")), "(", "team", ")"]
        left, right = self.vector(depth), self.vector(depth)
        if on:
            left, right = ["(", *left, ")"], ["(", *right, ")"]
        return [*left, op, *on, *right]

    def pick(self, words: tuple[str, ...]) -> str:
        return self.random.choice(words)

    def one(self, *ways: Callable[[], Words]) -> Words:
        return self.random.choice(ways)()


def broken(words: Words, random: Random) -> Words:
    """One word taken out, doubled, moved, or replaced by one from elsewhere."""
    at, other = random.randrange(len(words)), random.randrange(len(words))
    found = list(words)
    way = random.randrange(4)
    if way == 0:
        del found[at]
    elif way == 1:
        found.insert(at, found[other])
    elif way == 2:
        found[at], found[other] = found[other], found[at]
    else:
        found[at] = random.choice((*_COMPARISON, *_LABELS, ",", "(", ")", "5m", "1", '"a"', "up"))
    return found


def is_newer(words: Words) -> bool:
    """Whether what stands there means something to newer Prometheus only: a number as a duration,
    a duration as a number, a name in quotes."""
    braces = groups = 0
    before = ""
    for number, word in enumerate(words):
        is_duration = word in _DURATIONS or word == "1m"
        is_span = before in ("[", ":", "offset") or (
            before in ("-", "+") and number > 1 and words[number - 2] == "offset"
        )
        if is_duration != is_span and (is_duration or word[0].isdigit() or word[0] == "."):
            return True
        if before in ("+",) and is_span:
            return True
        if word == "offset" and before in _NOT_AN_OPERAND and not braces:
            return True  # a metric of this name: what follows is not its time
        is_text = word[0] in "\"'`"
        if is_text and (groups or (braces and before in ("{", ","))):
            return True
        braces = braces + 1 if word == "{" else 0 if word == "}" else braces
        if word == "(" and before in (
            "by",
            "without",
            "on",
            "ignoring",
            "group_left",
            "group_right",
        ):
            groups = 1
        elif word == ")":
            groups = 0
        before = word
    return False


def joined(words: Words) -> str:
    return " ".join(words)
