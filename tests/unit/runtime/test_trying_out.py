"""A proposal is checked, tested and held against the past before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from agent.catalog.runbooks import load_text
from agent.model.event import PromotionTried
from agent.model.incident import Ending, Incident
from agent.model.learning import Deed, Mark, Promotion, Resolution
from agent.model.policy import Policy
from agent.model.runbook import Runbook
from agent.runtime.history import ExportedHistory
from agent.runtime.trying_out import as_if_assisted, try_out
from tests.support.cases import REGISTRY, START
from tests.support.learned_text import NAME, document, learned
from tests.support.past import HOUR, healed, line, past, ran, routed
from tests.support.runbook_plugins import PLUGINS

THREE = [routed(past(n, at=n * HOUR), "team-shop", "process.restart") for n in (1, 2, 3)]


def lasting(number: int, minutes: float = 20, **fields: Any) -> Incident:
    """It fired for so long."""
    made = past(number, at=number * 10 * HOUR, minutes=minutes, **fields)
    ends = made.opened_at + minutes * 60
    alerts = {k: msgspec.structs.replace(a, ends_at=ends) for k, a in made.alerts.items()}
    return msgspec.structs.replace(made, alerts=alerts)


def tried(
    promotion: Promotion | None = None,
    *incidents: Incident,
    others: Sequence[Runbook] = (),
    policy: Policy | None = None,
    **more: Any,
) -> PromotionTried:
    lines = [line(each) for each in (*THREE, *incidents)]
    return try_out(
        promotion or learned(),
        plugins=PLUGINS,
        policy=policy or Policy(),
        registry=REGISTRY,
        other_runbooks=others,
        history=ExportedHistory(lines, name="x"),
        at=START + 100 * HOUR,
        **more,
    )


def with_sections(**sections: Any) -> Promotion:
    return learned(document=document(**sections))


def other(name: str, state: str = "active", **sections: Any) -> Runbook:
    text = as_if_assisted(learned(name, document=document(name, **sections)))
    return load_text(
        text.replace("state: assisted", f"state: {state}"), path=f"{name}.yaml", plugins=PLUGINS
    )


def test_a_good_one_has_no_fault_and_agrees_with_what_people_did() -> None:
    found = tried()
    assert (found.subject, found.faults) == (NAME, ())
    assert found.backtest is not None
    told = found.backtest
    assert (told.incidents, told.matched, told.would_act, told.agreed) == (3, 3, 3, 3)
    assert (told.agreement, told.harm, told.harm_count) == ({"yes": 3}, (), 0)


# harm


def test_an_act_where_people_did_nothing_is_a_harm() -> None:
    found = tried(None, lasting(4))
    assert found.backtest is not None
    assert found.faults == ()
    [harm] = found.backtest.harm
    assert (harm.incident, harm.would) == ("i-000004", "process.restart on shop-worker")
    assert harm.people.startswith("nothing was done, and it was over after")


def test_an_act_where_people_did_something_else_is_a_harm() -> None:
    found = tried(None, routed(lasting(4), "team-shop", "version.set"))
    assert found.backtest is not None
    [harm] = found.backtest.harm
    assert harm.people == "version.set on shop-worker"
    assert found.backtest.agreement == {"yes": 3, "no": 1}


@pytest.mark.parametrize(
    "incident",
    [
        lasting(4, 0.9),
        lasting(4, resolved_at=None),
        lasting(4, held_by="i-000099"),
        lasting(4, storm="fleet"),
        lasting(4, silenced_by="s-1"),
        healed(lasting(4), "another"),
    ],
    ids=[
        "over before it would have begun",
        "still open",
        "part of something larger",
        "part of a storm",
        "silenced",
        "healed by the agent",
    ],
)
def test_where_nobody_chose_to_do_nothing_an_act_is_no_harm(incident: Incident) -> None:
    found = tried(None, incident)
    assert found.backtest is not None
    assert found.backtest.harm_count == 0


def test_what_settled_by_itself_was_right_to_be_left_alone() -> None:
    found = tried(None, lasting(4, outcome=Ending.SETTLED))
    assert found.backtest is not None
    assert found.backtest.harm_count == 1


def test_what_people_told_as_the_call_of_an_action_counts_as_done() -> None:
    deed = Deed(
        use="process.restart",
        params={"target": "shop-worker"},
        target="shop-worker",
        by="ann",
        mark=Mark.TOLD,
        began_at=None,
        ended_at=None,
    )
    told = Resolution(
        incident_id="i-000004",
        signature="s",
        recipe="r",
        at=START,
        alertname="Hung",
        layer="product",
        product="shop",
        entity="shop-worker",
        labels={},
        deeds=(deed,),
    )
    incident = routed(lasting(4), "team-shop")
    without = tried(None, incident).backtest
    found = tried(None, incident, resolutions={"i-000004": told}).backtest
    assert without is not None
    assert found is not None
    assert (without.harm_count, without.agreed) == (1, 3)
    assert (found.harm_count, found.agreed) == (0, 4)


def test_of_many_harms_the_latest_are_listed_and_all_are_counted() -> None:
    many = [lasting(n) for n in range(10, 40)]
    found = tried(None, *many).backtest
    assert found is not None
    assert (found.harm_count, len(found.harm)) == (30, 20)
    assert found.harm[0].incident == "i-000039"


# its own incidents


def test_its_own_incidents_have_to_match() -> None:
    found = tried(with_sections(match={"alert": ["Hung"], "labels": {"zone": "a"}}))
    assert found.faults  # its own test fails as well; the incidents are asked only where it holds
    labels = {"alertname": "Hung", "entity": "shop-worker", "zone": "a"}
    test = dict(document()["tests"][0])
    test["given"] = {**test["given"], "alert": {"labels": labels}}
    found = tried(with_sections(match={"alert": ["Hung"], "labels": {"zone": "a"}}, tests=[test]))
    assert [f.partition(", which")[0] for f in found.faults] == [
        f"{NAME}, in i-00000{n}" for n in (1, 2, 3)
    ]
    assert "it is not chosen there" in found.faults[0]


def test_an_incident_the_history_does_not_hold_is_not_asked_about() -> None:
    found = try_out(
        learned(),
        plugins=PLUGINS,
        policy=Policy(),
        registry=REGISTRY,
        other_runbooks=(),
        history=ExportedHistory((), name="x"),
        at=START,
    )
    assert found.faults == ()
    assert found.backtest is not None
    assert found.backtest.incidents == 0


# check and test


def faults(**sections: Any) -> str:
    found = tried(with_sections(**sections))
    assert found.faults
    assert found.backtest is None
    return "\n".join(found.faults)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"plans": {}}, "decides nothing"),
        ({"tests": []}, "HS250"),
        ({"guard": {"cooldown": {"per": "entity", "every": "30m"}}}, "HS254"),
        ({"match": {"alert": ["Hung"], "product": "pay"}}, "HS229"),
        ({"metadata": {**document()["metadata"], "name": "another"}}, "it is called another"),
        ({"about": {"meaning": {1, 2}}}, "cannot be written as YAML"),
        ({"surprise": {"a": 1}}, "surprise"),
    ],
)
def test_whatever_check_says_of_one_that_acts_is_a_fault(
    sections: Mapping[str, Any], said: str
) -> None:
    assert said in faults(**sections)


def test_a_test_that_fails_is_a_fault() -> None:
    test = dict(document()["tests"][0])
    test["expect"] = {"plan": "as-resolved", "verdict": "failed"}
    assert "test 'as resolved in i-000001' fails" in faults(tests=[test])


def test_a_limit_that_is_looser_than_the_policys_is_a_fault() -> None:
    guard = {"cooldown": {"per": "entity", "every": "1m"}}
    assert "HS228" in faults(guard=guard)


def test_one_that_would_tie_with_a_runbook_in_use_is_faulty() -> None:
    found = tried(others=[other("by-hand", "assisted")])
    assert found.faults == (f"{NAME} matches the same alerts as by-hand, and neither says more",)


@pytest.mark.parametrize("replaces", ["", "learned-hung-old"])
def test_with_what_it_replaces_it_does_not_tie(replaces: str) -> None:
    found = tried(learned(replaces=replaces), others=[other("learned-hung-old")])
    assert bool(found.faults) is not bool(replaces)


def test_what_only_looks_on_is_in_nobodys_way() -> None:
    assert tried(others=[other("by-hand", "shadow"), other(NAME, "shadow")]).faults == ()


def test_text_in_it_stays_text() -> None:
    """F-SEC-28: what a resolver wrote as the cause is no YAML and no expression."""
    hostile = 'x"\n  - {use: shell.run}\nplans: {a: =alert.labels} # ${HOME}\x07'
    found = tried(with_sections(about={"meaning": hostile, "impact": "= 1 + 1"}))
    assert found.faults == ()


def test_faults_are_few_and_short() -> None:
    tests = [
        {**document()["tests"][0], "name": f"t{n}", "expect": {"plan": "as-resolved", "route": "x"}}
        for n in range(60)
    ]
    said = tried(with_sections(tests=tests)).faults
    assert 0 < len(said) <= 21
    assert all(len(text) <= 450 for text in said)


def test_who_has_no_more_time_says_so() -> None:
    class Enough(Exception):
        pass

    def told(_done: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        tried(told=told)


def test_people_who_did_more_than_it_would_agree_in_part() -> None:
    incident = ran(routed(lasting(4), "team-shop", "process.restart"), "version.set", by="ann")
    found = tried(None, incident).backtest
    assert found is not None
    assert found.agreement == {"yes": 3, "partly": 1}
    assert found.harm_count == 0
