"""Rules of Prometheus that can never fire because what they read is not reported any more.

What is asked of Prometheus is as little as tells it: the name of each metric, with the labels that
say where it comes from. Other labels are left out, since their absence is often health: there is no
`code="500"` before the first error. What rules say about a missing metric themselves (`absent`, the
right side of `unless`, one side of an `or`) is meant, and no blind spot. What another rule records
is there where that rule can be computed, and is not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from agent.core.promql import skim
from agent.core.promql_tokens import PromqlError
from agent.core.promql_tree import Binary, Call, Matcher, Selector, Tree, parts_of, walk

PLACES = frozenset(
    {"job", "instance", "cluster", "namespace", "product", "service", "app", "component",
     "entity", "env", "environment"}
)  # fmt: skip
"""Labels that say where a series comes from, and not what happened there."""
MADE_BY_PROMETHEUS = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
"""They are there while something fires."""
ABSENT = frozenset({"absent", "absent_over_time"})
MOST_ROUNDS = 50
"""Rules that record what other rules read are followed over so many steps."""


class RuleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, as a Prometheus lists it."""

    name: str
    group: str
    query: str
    is_alerting: bool = True
    labels: Mapping[str, str] = {}
    error: str = ""
    """Why it could not be evaluated the last time; empty: it could."""


class BlindRule(msgspec.Struct, frozen=True, kw_only=True):
    rule: RuleSeen
    missing: tuple[str, ...]
    """Selectors that find nothing."""


def questions(rules: Sequence[RuleSeen]) -> tuple[str, ...]:
    """Selectors to ask a Prometheus for, each once: does anything match?"""
    recorded = {rule.name for rule in rules if not rule.is_alerting}
    asked: dict[str, None] = {}
    for _, tree in _read(rules):
        for selector in _needed(tree):
            text = question(selector)
            if text and selector.name not in recorded:
                asked[text] = None
    return tuple(sorted(asked))


def blind_rules(rules: Sequence[RuleSeen], missing: Collection[str]) -> tuple[BlindRule, ...]:
    """Those that can find nothing, where these of the `questions` matched nothing."""
    trees = list(_read(rules))
    makers: dict[str, list[Tree]] = {}
    for rule, tree in trees:
        if not rule.is_alerting:
            makers.setdefault(rule.name, []).append(tree)
    gone: set[str] = set()

    def is_missing(selector: Selector) -> bool:
        if selector.name in makers:
            return selector.name in gone
        return question(selector) in missing

    for _ in range(MOST_ROUNDS):
        now = {name for name, made in makers.items() if all(_is_blind(t, is_missing) for t in made)}
        if now == gone:
            break
        gone = now
    return tuple(
        BlindRule(rule=rule, missing=tuple(_shown(tree, is_missing)))
        for rule, tree in trees
        if _is_blind(tree, is_missing)
    )


def question(selector: Selector) -> str:
    """The selector, less what does not say where its series come from; empty where it asks for
    nothing in particular."""
    wanted = [m for m in selector.matchers if _matters(m)]
    if selector.name:
        wanted.insert(0, Matcher("__name__", "=", selector.name))
    if selector.name in MADE_BY_PROMETHEUS or not wanted:
        return ""
    return "{" + ",".join(f"{m.label}{m.op}{_quoted(m.value)}" for m in wanted) + "}"


def _quoted(value: str) -> str:
    """PromQL takes the escapes of JSON, but no halves of a character."""
    return json.dumps(value, ensure_ascii=False)


def _matters(matcher: Matcher) -> bool:
    if matcher.op == "=~":
        return matcher.label == "__name__"
    return matcher.op == "=" and matcher.value != "" and matcher.label in {*PLACES, "__name__"}


def _read(rules: Sequence[RuleSeen]) -> Iterator[tuple[RuleSeen, Tree]]:
    """What cannot be read here is left out: that Prometheus reads it is all that matters."""
    for rule in rules:
        try:
            yield rule, skim(rule.query)
        except PromqlError:
            continue


def _needed(tree: Tree) -> Iterator[Selector]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Selector):
            yield node
        elif isinstance(node, Binary) and node.op == "unless":
            waiting.append(node.left)
        elif not (isinstance(node, Call) and node.name in ABSENT):
            waiting.extend(reversed(parts_of(node)))


def _is_blind(tree: Tree, is_missing: Callable[[Selector], bool]) -> bool:
    """Whether it can have no result. From the leaves up, since an expression may be deep."""
    blind: dict[int, bool] = {}
    for node in reversed(list(walk(tree))):
        parts = [blind[id(part)] for part in parts_of(node)]
        if isinstance(node, Selector):
            blind[id(node)] = is_missing(node)
        elif isinstance(node, Call) and node.name in ABSENT:
            blind[id(node)] = False
        elif isinstance(node, Binary) and node.op in ("or", "unless"):
            blind[id(node)] = all(parts) if node.op == "or" else parts[0]
        else:
            blind[id(node)] = any(parts)
    return blind[id(tree)]


def _shown(tree: Tree, is_missing: Callable[[Selector], bool]) -> Iterator[str]:
    seen = set()
    for selector in _needed(tree):
        if is_missing(selector):
            text = selector.name or question(selector)
            places = [m for m in selector.matchers if selector.name and _matters(m)]
            if places:
                inside = ", ".join(f"{m.label}{m.op}{_quoted(m.value)}" for m in places)
                text += "{" + inside + "}"
            if text not in seen:
                seen.add(text)
                yield text
