"""What goes with what in PromQL: the kinds of values, and which functions take and give them.

Written after the functions page and the type checker of Prometheus. Names of any version are known:
an expression comes with the alert, from a Prometheus that has read it already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    SCALAR = "a number"
    VECTOR = "an instant vector"
    RANGE = "a range vector"
    STRING = "a text"
    ANY = "a value"
    """What a function that is not known gives or takes."""


S, V, R, T = Kind.SCALAR, Kind.VECTOR, Kind.RANGE, Kind.STRING

AGGREGATIONS: Mapping[str, Kind | None] = {
    **dict.fromkeys(("sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"), None),
    **dict.fromkeys(("topk", "bottomk", "quantile", "limitk", "limit_ratio"), S),
    "count_values": T,
}
"""Name to the kind of the parameter it takes before its vector."""

COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
SETS = ("and", "or", "unless")

LEVELS: Mapping[str, int] = {
    "or": 1,
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(COMPARISONS, 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
"""How strongly an operator binds. `^` alone binds from the right."""
STRONGEST = LEVELS["^"]


class Signature:
    """`takes`, of which the last `optional` may be left out; the last may come again and again."""

    __slots__ = ("gives", "most", "optional", "takes")

    def __init__(
        self, *takes: Kind, gives: Kind = V, optional: int = 0, most: float | None = None
    ) -> None:
        self.takes = takes
        self.gives = gives
        self.optional = optional
        self.most = len(takes) if most is None else most


_ENDLESS = float("inf")

_OF_VECTOR = """
    abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg
    histogram_count histogram_sum histogram_stddev histogram_stdvar ln log10 log2 rad sgn sin sinh
    sort sort_desc sqrt tan tanh timestamp
"""
_OF_RANGE = """
    absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta
    increase irate last_over_time mad_over_time max_over_time min_over_time present_over_time rate
    resets stddev_over_time stdvar_over_time sum_over_time ts_of_first_over_time
    ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time
"""
_OF_TIME = "days_in_month day_of_month day_of_week day_of_year hour minute month year"

FUNCTIONS: Mapping[str, Signature] = {
    **{name: Signature(V) for name in _OF_VECTOR.split()},
    **{name: Signature(R) for name in _OF_RANGE.split()},
    **{name: Signature(V, optional=1) for name in _OF_TIME.split()},
    "clamp": Signature(V, S, S),
    "clamp_max": Signature(V, S),
    "clamp_min": Signature(V, S),
    "double_exponential_smoothing": Signature(R, S, S),
    "holt_winters": Signature(R, S, S),
    "histogram_fraction": Signature(S, S, V),
    "histogram_quantile": Signature(S, V),
    "info": Signature(V, V, optional=1),
    "label_join": Signature(V, T, T, T, optional=1, most=_ENDLESS),
    "label_replace": Signature(V, T, T, T, T),
    "pi": Signature(gives=S),
    "predict_linear": Signature(R, S),
    "quantile_over_time": Signature(S, R),
    "round": Signature(V, S, optional=1),
    "scalar": Signature(V, gives=S),
    "sort_by_label": Signature(V, T, optional=1, most=_ENDLESS),
    "sort_by_label_desc": Signature(V, T, optional=1, most=_ENDLESS),
    "time": Signature(gives=S),
    "vector": Signature(S),
}


def matches_nothing(op: str, value: str) -> bool:
    """Whether a label matcher lets a series pass that lacks the label."""
    if op in ("=", "!="):
        return (value == "") == (op == "=")
    return is_empty_match(value) == (op == "=~")


_ATOM = re.compile(
    r"""(?: (?P<bar>\|)
          | (?P<flags>\(\?[imsU-]+\))
          | (?P<open>\((?:\?P?<\w+>|\?[imsU-]*:)?)
          | (?P<close>\))
          | (?P<nothing>[\^$]|\\[ABz])
          | (?P<some>\[\^?\]?(?:\\.|\[:\^?\w{1,10}:\]|[^\]\\])*\]|\\.|[^\[])
          | (?P<unclosed>\[)
        )
        (?P<times>(?P<none>[*?]|\{0(?:,\d*)?\})\??|\+\??|\{\d+(?:,\d*)?\}\??)?
    """,
    re.DOTALL | re.VERBOSE,
)


def is_empty_match(pattern: str) -> bool:
    """Whether a regular expression matches the empty text. The expression is never run: one pass
    over it reads off what may be left out. One that is broken matches nothing."""
    branches = [[False, True]]  # per open group: whether an earlier branch, and this one, is empty
    for atom in _ATOM.finditer(pattern):
        if atom["unclosed"]:
            return False
        if atom["bar"]:
            branches[-1] = [any(branches[-1]), True]
        elif atom["open"]:
            branches.append([False, True])
        elif not atom["flags"]:
            is_empty = bool(atom["nothing"])
            if atom["close"] and len(branches) > 1:
                is_empty = any(branches.pop())
            branches[-1][1] = branches[-1][1] and (is_empty or atom["none"] is not None)
    return any(branches[0])
