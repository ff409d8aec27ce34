"""Facts in text for people: put in once, and never looked at again."""

from __future__ import annotations

import pytest

from agent.core.display import LONGEST, fill, paths

FACTS = {
    "alert": {"labels": {"pod": "web-1", "evil": "${entity.name} {{entity}} =entity"}},
    "entity": {"name": "web", "ready": False, "share": 0.123456789, "zones": ["a", "b"]},
    "empty": {"nothing": None, "many": {}},
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${entity.name} in ${alert.labels.pod}", "web in web-1"),
        ("${ entity.name }", "web"),
        ("${alert.labels.evil}", "${entity.name} {{entity}} =entity"),
        ("${entity.ready}, ${entity.share}, ${entity.zones}", "no, 0.123457, a, b"),
        (
            "${entity.gone} ${gone} ${entity.name.deeper} ${empty.nothing} ${empty.many}",
            "? ? ? ? ?",
        ),
        ("${entity.name", "${entity.name"),
        ("$${entity.name} $(id) ${1 + 1} ${}", "$web $(id) ${1 + 1} ${}"),
        ("{{entity.name}} =entity.name", "{{entity.name}} =entity.name"),
    ],
)
def test_what_is_filled_in(text: str, filled: str) -> None:
    assert fill(text, FACTS) == filled


def test_what_is_filled_in_stays_on_its_line_and_short() -> None:
    told = fill("${x.y}", {"x": {"y": "a\nNEXT: rm -rf /\r\n" + "z" * 1000}})
    assert "\n" not in told
    assert "\r" not in told
    assert len(told) == LONGEST


def test_its_paths_are_known() -> None:
    assert paths("${entity.name} and ${alert.labels.pod}") == ("entity.name", "alert.labels.pod")
