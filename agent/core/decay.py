"""How long an alert may go on firing after a good fix, computed from its PromQL.

An expression that looks back, like `increase(errors[1h]) > 5`, stays true until the errors have
left the hour. Until then "still firing" says nothing, and a plan judged by it would be taken back
although it helped. So each rule here is on the long side: too long costs a later verdict, too short
costs a good fix.

How far back an expression looks is the longest way down to one of its selectors; on the way is
added:

- a range, `x[5m]`: it sees the samples of these 5 minutes, and the function around it does not
  matter (Prometheus, Querying basics, Range vector selectors);
- a subquery, `max_over_time(rate(x[5m])[1h:1m])`: its range and what its inner expression looks
  back: 1 h + 5 min; the step only chooses moments within the range (Querying basics, Subquery);
- `offset 1w`: the week, because then the past decides, too; a negative one looks ahead and counts
  as nothing (Querying basics, Offset modifier). `@` is a fixed moment: what was there stays, and
  neither time nor a fix changes it; its range counts as any other;
- a selector without a range, `x`: the newest sample. It is replaced at the next scrape, but a
  series that ends without a marker (its own timestamps, a restart of Prometheus) is held for
  another 5 minutes (Querying basics, Staleness): `STALE`. Not within `absent()`: there a series
  that lingers makes the alert end sooner, and one that comes back ends it at once;
- a recording rule, `job:errors:rate5m`: the window that its name states by convention
  level:metric:operations (Prometheus, Recording rules, Naming and aggregation), and `UNNAMED` where
  it states none. `ALERTS` is such a series as well: another rule stands behind it.

`long > x and short > x` ends with the shorter of its windows, and `a unless b` may end sooner. That
is not taken into account: which of them a fix reaches first, the expression does not say.

After that the alert itself may last: one evaluation interval until the rule is looked at, a second
one where a recording rule is in between, `keep_firing_for` (Prometheus, Alerting rules), and
`group_interval`, which Alertmanager may wait before it tells that a member of a group is over
(Alertmanager, Configuration, route).

`for` makes no alert last: it ends as soon as its expression is false. But it hides a relapse: an
alert with `for: 15m` that has ended says that the expression was false once, and if the trouble is
still there it fires again after 15 minutes at the earliest. So `quiet_for` is how long such an
alert has to stay silent before its silence proves anything.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from agent.core.alert_expression import is_cut
from agent.core.promql import skim
from agent.core.promql_tokens import PromqlError
from agent.core.promql_tree import Call, Selector, Subquery, Tree, parts_of
from agent.model.policy import Policy
from agent.model.runbook import Decay

STALE = 300.0
"""`--query.lookback-delta` of Prometheus as it comes."""

UNNAMED = 300.0
"""Window of a recording rule that does not state it: the most usual one of published rules."""

UNREADABLE = 3_600.0
"""For an expression that cannot be read: it looks back, and nobody knows how far. Of 139 published
rules of Kubernetes nine in ten look back less."""

_RECORDED_ALERTS = ("ALERTS", "ALERTS_FOR_STATE")
_UNIT_SECONDS = {
    "s": 1.0,
    "m": 60.0,
    "h": 3_600.0,
    "d": 86_400.0,
    "w": 604_800.0,
    "y": 31_536_000.0,
}
_SPAN = re.compile(r"([0-9]{1,6})(ms|[smhdwy])")
_NAMED_WINDOW = re.compile(r"(?:^|[a-z_:])((?:[0-9]{1,6}(?:ms|[smhdwy]))+)(?=$|[:_])")
_BRACKETS = re.compile(r"\[([^\[\]]{0,64})\]")


class LookBack(msgspec.Struct, frozen=True):
    seconds: float
    is_recorded: bool = False
    """A recording rule is in between, so one more evaluation is."""
    is_known: bool = True
    """False where the expression cannot be read, and `seconds` is the safe default."""


def firing_for(
    decay: Decay, alert_expression: str | None, policy: Policy, *, longest: float | None = None
) -> float:
    """Seconds after a good fix for which the alert may still fire.

    Where neither the runbook nor the alert has an expression, the alert is no query that looks
    back: 0. Total: whatever the text is, there is an answer, never an error. `longest` bounds what
    the alert's own expression may look back, in seconds: nobody has reviewed that one.
    """
    if decay.seconds is not None:
        return _positive(decay.seconds)
    kept = _positive(decay.keep_firing_for_seconds)
    group = decay.group_interval_seconds
    text = alert_expression if decay.expression is None else decay.expression
    if text is None or not text.strip():
        return kept + _positive(group or 0.0)
    past = look_back_of(text)
    seconds = past.seconds
    if longest is not None and decay.expression is None:
        seconds = min(seconds, longest)
    evaluations = policy.evaluation_interval_seconds * (2 if past.is_recorded else 1)
    return seconds + kept + evaluations + _positive(_or(group, policy))


def is_beyond(decay: Decay, alert_expression: str | None, longest: float) -> bool:
    """Whether the alert's own expression decides, and looks back longer than that."""
    if decay.seconds is not None or decay.expression is not None or not alert_expression:
        return False
    return look_back_of(alert_expression).seconds > longest


def quiet_for(decay: Decay, policy: Policy) -> float:
    """Seconds for which the alert has to stay silent before its silence proves anything: `for`,
    and one evaluation to see it. 0 for an alert without `for`."""
    wait = _positive(decay.for_seconds)
    return wait + policy.evaluation_interval_seconds if wait else 0.0


def _or(group: float | None, policy: Policy) -> float:
    return policy.group_interval_seconds if group is None else group


def _positive(seconds: float) -> float:
    return seconds if seconds > 0 else 0.0  # also for what is no number


@lru_cache(maxsize=1024)
def look_back_of(expression: str) -> LookBack:
    """How far back the expression looks."""
    if not is_cut(expression):
        try:
            return _look_back(skim(expression))
        except PromqlError:
            pass  # a newer or another dialect: what stands in brackets is all that is known
    written = [_span(found) for found in _BRACKETS.findall(expression)]
    return LookBack(max([UNREADABLE, *written]), is_recorded=True, is_known=False)


def _look_back(tree: Tree) -> LookBack:
    """The longest way from the whole down to a selector."""
    longest, is_recorded = 0.0, False
    waiting: list[tuple[Tree, float, bool]] = [(tree, 0.0, False)]
    while waiting:
        node, seconds, is_absent = waiting.pop()
        if isinstance(node, Selector | Subquery):
            seconds += _positive(node.offset_seconds or 0.0) + (node.range_seconds or 0.0)
        if isinstance(node, Selector):
            recorded = _recorded_window(node)
            is_recorded = is_recorded or recorded > 0
            is_held = node.range_seconds is None and not is_absent
            seconds += recorded + (STALE if is_held else 0.0)
        longest = max(longest, seconds)
        is_absent = is_absent or (isinstance(node, Call) and node.name == "absent")
        waiting.extend((part, seconds, is_absent) for part in parts_of(node))
    return LookBack(longest, is_recorded)


def _recorded_window(selector: Selector) -> float:
    """What stands behind a series that a rule has written; 0 for one that was scraped."""
    named = [m.value for m in selector.matchers if m.label == "__name__" and m.op == "="]
    name = selector.name or (named[0] if named else "")
    if name in _RECORDED_ALERTS:
        return UNNAMED
    if ":" not in name:
        return 0.0
    return max((_span(found) for found in _NAMED_WINDOW.findall(name)), default=UNNAMED)


def _span(written: str) -> float:
    """Seconds of all durations in a text, added."""
    found = _SPAN.findall(written)
    return sum(int(n) * (0.001 if unit == "ms" else _UNIT_SECONDS[unit]) for n, unit in found)
