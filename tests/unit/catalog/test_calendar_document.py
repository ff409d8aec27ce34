from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.catalog.calendar_document import unknown_names
from agent.catalog.faults import FaultsError
from agent.catalog.policy import load_policy
from agent.catalog.settings import load_settings
from agent.model.fault import FaultSeverity
from agent.model.policy import Policy
from agent.model.records import SilenceMatcher
from tests.support.ics import calendar, event, ics_file, seconds

Read = Callable[[str], Policy]
SALE = (
    'name: sale, from: "2026-11-26T00:00", to: "2026-11-30T00:00", zone: Europe/Berlin, '
    "products: [shop], allows: [stop-bleeding], why: the sale"
)
NIGHT = 'name: backup, from: "02:00", to: "03:00", zone: UTC'


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_policy(text: str) -> Policy:
        file = tmp_path / "policy.yaml"
        file.write_text(text)
        return load_policy(file)

    return read_policy


def test_a_freeze_says_when_for_whom_and_who_may_still_act(read: Read) -> None:
    (freeze,) = read(f"freezes:\n  - {{{SALE}}}\n").freezes
    assert (freeze.name, freeze.products, freeze.allows) == ("sale", ("shop",), ("stop-bleeding",))
    assert freeze.why == "the sale"
    assert freeze.period.is_open(seconds("2026-11-27T12:00"))
    assert not freeze.period.is_open(seconds("2026-11-30T00:00"))
    assert Path(freeze.where[0]).name == "policy.yaml"
    assert freeze.where[1:] == (2, 5)


def test_a_maintenance_says_when_and_what_it_covers(read: Read) -> None:
    (planned,) = read(
        f"maintenance: [{{{NIGHT}, matchers: ['job=\"db\"', 'env=~\"a|b\"'], products: [pay]}}]"
    ).maintenance
    assert planned.matchers == (
        SilenceMatcher(name="job", value="db"),
        SilenceMatcher(name="env", value="a|b", is_regex=True),
    )
    assert planned.products == ("pay",)
    assert planned.period.is_open(seconds("2026-11-27T02:30", "UTC"))


def test_inhibition_is_written_as_in_alertmanager(read: Read) -> None:
    (rule,) = read(
        "inhibit_rules:\n"
        "  - source_matchers: [alertname=ClusterDown]\n"
        "    target_matchers: ['severity=~\"warning|info\"', team!=core]\n"
        "    equal: [cluster, region]\n"
    ).inhibit_rules
    assert rule.source == (SilenceMatcher(name="alertname", value="ClusterDown"),)
    assert [(m.name, m.is_regex, m.is_equal) for m in rule.target] == [
        ("severity", True, True),
        ("team", False, False),
    ]
    assert rule.equal == ("cluster", "region")


def test_labels_to_group_by_reach_the_policy(read: Read) -> None:
    assert read("group_by: [cluster, '...']\n").group_by == ("cluster", "...")


@pytest.mark.parametrize(
    ("text", "code", "path", "said"),
    [
        (f"maintenance: [{{{NIGHT}}}]", "HS420", "maintenance[0]", "nothing of what it covers"),
        (f"maintenance: [{{{NIGHT}, matchers: ['env!=x']}}]", "HS425", "maintenance[0]",
         "would cover everything"),
        (f"maintenance: [{{{NIGHT}, matchers: ['env']}}]", "HS425", "maintenance[0].matchers[0]",
         '"env" is no matcher'),
        (f"maintenance: [{{{NIGHT}, matchers: ['env=~(a+)+']}}]", "HS425",
         "maintenance[0].matchers[0]", "no bounded regular expression"),
        ("inhibit_rules: [{source_matchers: [], target_matchers: [a=b]}]", "HS420",
         "inhibit_rules[0].source_matchers", "too short"),
        ("inhibit_rules: [{source_matchers: [a=b], target_matcher: [a=b]}]", "HS420",
         "inhibit_rules[0].target_matcher", 'unknown key "target_matcher"'),
        (f"freezes: [{{{SALE}}}, {{{SALE}}}]", "HS427", "freezes[1].name", "sale is there twice"),
        ('freezes: [{name: x, from: "09:00", to: "10:00"}]', "HS420", "freezes[0].zone",
         'key "zone" is missing'),
        ("group_by: ['']", "HS420", "group_by[0]", "empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_fault_with_its_place(
    read: Read, text: str, code: str, path: str, said: str
) -> None:
    """F-TM-07"""
    with pytest.raises(FaultsError) as caught:
        read(text)
    told = {(f.code, f.path): f for f in caught.value.faults}
    assert (code, path) in told
    assert said in told[code, path].message
    assert told[code, path].column > 1


def test_a_freeze_of_a_product_nobody_knows_protects_nothing_and_is_an_error(read: Read) -> None:
    policy = read(
        f"freezes:\n  - {{{SALE}}}\nmaintenance:\n  - {{{NIGHT}, products: [shop, payy]}}\n"
    )
    faults = list(unknown_names(policy, ["shops", "pay"], ["stop-bleedin"]))
    assert [(f.line, f.code, f.severity, f.remedy) for f in faults] == [
        (2, "HS426", FaultSeverity.ERROR, 'did you mean "shops"?'),
        (2, "HS426", FaultSeverity.WARNING, 'did you mean "stop-bleedin"?'),
        (4, "HS426", FaultSeverity.WARNING, 'did you mean "shops"?'),
        (4, "HS426", FaultSeverity.WARNING, 'did you mean "pay"?'),
    ]
    assert list(unknown_names(policy, ["shop", "payy"], ["stop-bleeding"])) == []


def test_a_policy_in_the_settings_has_its_calendars_beside_them(tmp_path: Path) -> None:
    times = ("DTSTART:20260601T080000Z", "DTEND:20260601T100000Z")
    file = ics_file(tmp_path, calendar(event(*times)), "cal/freeze.ics")
    settings = tmp_path / "homeostat.yaml"
    settings.write_text("policy:\n  freezes:\n    - {name: f, ics: cal/freeze.ics, zone: UTC}\n")
    policy = load_settings(settings, {}).policy
    (freeze,) = policy.freezes
    assert freeze.period.is_open(seconds("2026-06-01T09:00", "UTC"))
    assert freeze.where[1:] == (3, 7)
    assert policy.files == (str(file),)
