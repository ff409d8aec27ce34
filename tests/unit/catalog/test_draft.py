from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalog.draft import draft
from agent.catalog.runbooks import load_text
from agent.catalog.strict_yaml import parse
from agent.model.runbook import Lifecycle
from tests.support.proposed import proposed, site
from tests.support.resolutions import three
from tests.support.runbook_plugins import FULL, PLUGINS, SMALL

HARD = [
    "22:00",
    "no",
    "null",
    "~",
    "0x1f",
    "1e3",
    "- a",
    "a: b",
    "# x",
    "=a",
    "",
    " ",
    "é😀",
    "\\",
    '"',
]


@pytest.mark.parametrize("text", [SMALL, FULL])
def test_a_runbook_survives_being_written(text: str) -> None:
    document = parse(text, file="r.yaml").data
    written = draft(document)
    assert parse(written, file="r.yaml").data == document
    runbook = load_text(written, path="r.yaml", plugins=PLUGINS)
    assert runbook.name == document["metadata"]["name"]
    assert draft(parse(written, file="r.yaml").data) == written


def test_sections_come_in_the_order_of_the_language() -> None:
    document = parse(FULL, file="r.yaml").data
    shuffled = dict(sorted(document.items(), reverse=True))
    assert draft(shuffled) == draft(document)


def test_what_was_learned_becomes_a_runbook() -> None:
    """Names of alerts, labels and what people say are text, whatever they look like."""
    for hard in HARD:
        like = three(alertname=f"Queue {hard}", labels={"note": hard}, cause=hard)
        document = proposed(site(), *like).document
        text = draft(document)
        assert parse(text, file="x").data == document
        runbook = load_text(text, path="learned.yaml", plugins=PLUGINS)
        assert runbook.lifecycle is Lifecycle.SHADOW
        assert runbook.match.alert == (f"Queue {hard}",)


_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""They change the order in which a text is shown: a file must not hold them."""
_CHARACTERS = st.characters(
    exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"], exclude_characters=_TURNING
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(_CHARACTERS, max_size=20)
    | st.sampled_from([*HARD, "\ttab\nline\r", "x" * 150])
)
_KEYS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_any_data_survives(document: dict[str, Any]) -> None:
    if "\ufeff" not in repr(document) and "\\ufeff" not in repr(document):
        assert parse(draft(document), file="d.yaml").data == document


def test_what_cannot_be_read_back_is_replaced_or_refused() -> None:
    assert parse(draft({"a": "x\u202ey"}), file="d.yaml").data == {"a": "x�y"}
    assert parse(draft({"a": "x\x00\u2028y"}), file="d.yaml").data == {"a": "x��y"}
    for value in (float("nan"), object(), b"x"):
        with pytest.raises(TypeError):
            draft({"a": value})
