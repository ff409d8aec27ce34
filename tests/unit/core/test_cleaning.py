"""Hostile text at the door."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.cleaning import (
    LONGEST_ANNOTATION,
    LONGEST_LABEL,
    MOST_LABELS,
    clean_alert,
    clean_text,
    is_clean,
)
from agent.core.identify import identify
from agent.model.alert import Alert
from tests.support.cases import REGISTRY, alert

HOSTILE = [
    "nul\x00",
    "escape\x1b[31m",
    "c1\x9b31m",
    "override\u202etxt",
    "isolate\u2066x",
    "mark\u061cx",
    "line\u2028separator",
    "surrogate\ud800",
    "bom\ufeff",
]


def labelled(**labels: str) -> Alert:
    return msgspec.structs.replace(alert(), labels={"alertname": "Hung", **labels})


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_deceive_a_terminal_or_a_reader_is_replaced_and_flagged(text: str) -> None:
    dirty = labelled(service=text)
    assert not is_clean(dirty)
    cleaned = clean_alert(dirty)
    assert "\N{REPLACEMENT CHARACTER}" in cleaned.labels["service"]
    assert cleaned.flags == ("cleaned:service",)
    cleaned.labels["service"].encode()


def test_a_clean_alert_is_handed_through() -> None:
    clean = labelled(service="shop-web", note="grüße, 世界")
    assert clean_alert(clean) is clean


def test_a_megabyte_is_cut_and_says_what_it_was() -> None:
    cleaned = clean_alert(labelled(service="x" * 1_000_000))
    assert len(cleaned.labels["service"]) <= LONGEST_LABEL
    assert "1000000 characters" in cleaned.labels["service"]
    assert cleaned.flags == ("truncated:service",)
    other = clean_alert(labelled(service="x" * 999_999 + "y"))
    assert other.labels != cleaned.labels, "two long values stay two"


def test_five_thousand_labels_leave_the_telling_ones() -> None:
    many = {f"l{n}": "v" for n in range(5000)}
    cleaned = clean_alert(labelled(service="shop-web", **many))
    assert len(cleaned.labels) == MOST_LABELS
    assert cleaned.labels["alertname"] == "Hung"
    assert cleaned.labels["service"] == "shop-web"
    assert "too_many_labels" in cleaned.flags


def test_newlines_stay_in_annotations_only() -> None:
    assert clean_text("a\nb", longest=9) == ("a b", "cleaned")
    assert clean_text("a\nb", longest=9, keep_newlines=True) == ("a\nb", None)
    long = msgspec.structs.replace(alert(), annotations={"summary": "x\n" * 9000})
    assert len(clean_alert(long).annotations["summary"]) <= LONGEST_ANNOTATION


def test_a_changed_label_names_no_target() -> None:
    dirty = msgspec.structs.replace(labelled(service="shop-web"), flags=("truncated:service",))
    assert identify(labelled(service="shop-web"), REGISTRY).entity == "shop-web"
    assert identify(dirty, REGISTRY).entity is None


def test_names_are_cleaned_too() -> None:
    cleaned = clean_alert(labelled(**{"ser\x00vice": "shop-web"}))
    assert "service" not in cleaned.labels
    assert all("\x00" not in name for name in cleaned.labels)


def test_the_address_of_the_source_is_bounded() -> None:
    odd = msgspec.structs.replace(alert(), generator_url="http://x/\x1b" + "y" * 9000)
    cleaned = clean_alert(odd)
    assert len(cleaned.generator_url) <= 2048
    assert "\x1b" not in cleaned.generator_url


def test_a_password_in_the_link_to_the_rule_does_not_come_in() -> None:
    """F-SEC-08."""
    url = "http://prom:canary@prometheus:9090/graph?g0.expr=up%40x#a@b"
    cleaned = clean_alert(alert("A", generator_url=url))
    assert cleaned.generator_url == "http://prometheus:9090/graph?g0.expr=up%40x#a@b"
    plain = alert("A", generator_url="http://prometheus:9090/graph?g0.expr=a@b")
    assert clean_alert(plain).generator_url == plain.generator_url
