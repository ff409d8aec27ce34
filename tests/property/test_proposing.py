"""Whatever people and alerts say: no text of theirs becomes a part of an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalog.draft import draft
from agent.catalog.strict_yaml import parse
from agent.core.origins import expressions_of, facts_of
from agent.model.learning import PromotionState, Resolution
from tests.support.proposed import considered, proposal_in, site
from tests.support.resolutions import nothing_done, resolution

NASTY = st.sampled_from(
    [
        "=entity.owner", "=1", " = x", "${entity.name}", "web", "shop-worker", "*", "a: [b]",
        "- x", "no", "22:00", '" || true || "', "'", "a\nb", "\x00", "\u202e", "{{x}}", "v1",
        "&a", "*a", "!!python/object", "# x", "|", "null", "=alert.labels.x", "ä\U0001f600",
    ]
)  # fmt: skip
TEXT = NASTY | st.text(max_size=12)
SCALAR = TEXT | st.booleans() | st.integers() | st.floats() | st.none()
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PARAMS = st.dictionaries(TEXT, VALUE, max_size=4)
FINDING = st.dictionaries(TEXT | st.sampled_from(["alive", "state", "n"]), VALUE, max_size=5)
CONDITION = re.compile(
    r"!?[a-z_0-9.A-Z]+( (==|in) (\"[A-Za-z0-9 _./:-]+\"|\[[A-Za-z0-9 _./:\",-]+\])"
    r"| [<>] -?[0-9.]+)?"
)


@st.composite
def incidents(draw: st.DrawFn) -> list[Resolution]:
    """Three that may be alike, and some that ended otherwise."""
    name, label, params = draw(TEXT), draw(TEXT), draw(PARAMS)
    shared = draw(st.booleans())
    common: dict[str, Any] = {"alertname": name or "Hung", "cause": draw(TEXT)}
    found = []
    for number in (1, 2, 3):
        mine = params if shared else {**params, "x": draw(SCALAR)}
        told = {**common, "labels": {label: draw(TEXT)}, "status": draw(FINDING)}
        found.append(
            resolution(number, did=(("process.restart", mine),), waited=10.0 * number, **told)
        )
    others = draw(st.integers(0, 2))
    found += [nothing_done(number + 10, **common, status=draw(FINDING)) for number in range(others)]
    return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@given(incidents())
@settings(max_examples=150, deadline=None)
def test_no_text_becomes_code(found: list[Resolution]) -> None:
    """F-SEC-28."""
    decision = considered(site(), *found, of=2)
    if not decision.records:
        return
    promotion = proposal_in(decision)
    if promotion.state is PromotionState.REFUSED:
        assert promotion.reason_text
        assert "${" not in promotion.reason_text
        return
    document = promotion.document
    text = draft(document)
    assert parse(text, file="learned.yaml").data == document
    allowed = {f"={e}" for r in found[:3] for e, _ in expressions_of(facts_of(r))}
    for part in ("diagnose", "plans"):
        for written in texts(document.get(part, {})):
            assert not written.lstrip().startswith("=") or written in allowed
    for written in texts([document["about"], document.get("decide", []), document["plans"]]):
        assert "${" not in written
    for row in document.get("decide", []):
        assert "when" not in row or CONDITION.fullmatch(row["when"])
