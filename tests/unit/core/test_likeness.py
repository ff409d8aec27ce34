"""What makes incidents alike, and resolutions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.likeness import (
    alike,
    contrast,
    counted_once,
    in_vain,
    recipe_of,
    signature_of,
    strays,
    with_signature,
)
from agent.model.learning import CauseKind, Credit
from tests.support.proposed import site
from tests.support.resolutions import (
    HOUR,
    RESTART,
    START,
    Did,
    keep,
    nothing_done,
    remember,
    resolution,
    three,
)

FLUSH: Did = (("process.flush", {}),)


def test_neither_the_product_nor_the_name_nor_the_time_makes_them_unlike() -> None:
    one = resolution(1, product="shop", entity="shop-web")
    other = resolution(900, product="pay", entity="pay-api")
    assert (one.signature, one.recipe) == (other.signature, other.recipe)


@pytest.mark.parametrize("told", [{"alertname": "Slow"}, {"kind": "agent"}, {"layer": "machinery"}])
def test_alert_kind_and_layer_do(told: dict[str, Any]) -> None:
    assert resolution(1).signature != resolution(2, **told).signature


def test_a_crafted_name_makes_unlike_incidents_no_more_alike() -> None:
    """F-SEC-28: names of alerts are chosen by whoever sends them."""
    names = [["a", "b"], ["a|b"], ["a%7Cb"], ["a", "b", "b|"], ["|a", "b"], ["a|", "b"]]
    found = {signature_of(alertnames=n, kind="service", layer="product") for n in names}
    found.add(signature_of(alertnames=["b"], kind="service|a", layer="product"))
    assert len(found) == len(names) + 1
    same = signature_of(alertnames=["b", "a", "b"], kind="service", layer="product")
    assert same == signature_of(alertnames=["a", "b"], kind="service", layer="product")


def test_the_order_of_actions_and_the_origin_of_parameters_matter() -> None:
    """F-RB-13: resolutions that differ are not alike."""
    status = {"alive": True, "previous": {"version": "v1", "healthy": True}}
    each: list[Did] = [
        [("a", {}), ("b", {})],
        [("b", {}), ("a", {})],
        [("a", {})],
        [("a", {"to": "v1"})],
        [("a", {"to": "v9"})],
        [("a", {"to": 5})],
        [("a", {"to": True})],
        [("a", {"to": ["v9"]})],
        [("a", {"target": "cache"})],
    ]
    recipes = [resolution(did=did, status=status).recipe for did in each]
    assert len(set(recipes)) == len(recipes)


def test_what_was_typed_is_asked_and_does_not_matter_here() -> None:
    one, other = resolution(did=[("a", {"to": "x1"})]), resolution(did=[("a", {"to": "x2"})])
    assert one.recipe == other.recipe
    assert recipe_of(()) == resolution(did=()).recipe == ""


def test_only_credited_ones_count_oldest_first() -> None:
    view = site()
    three_of = three()
    pending = resolution(4, credit=Credit.PENDING)
    remember(view, three_of[1], three_of[0], three_of[2], pending)
    assert alike(three_of[2], view) == three_of
    assert alike(pending, view) == ()


def test_the_one_that_was_just_judged_counts_as_it_is_now() -> None:
    view = site()
    one, two, last = three()
    remember(view, one, two, msgspec.structs.replace(last, credit=Credit.PENDING))
    assert alike(last, view) == (one, two, last)


def test_siblings_of_a_storm_count_once() -> None:
    view = site()
    found = [resolution(n, entity=f"web-{n}", root="root", at=START + n) for n in range(5)]
    remember(view, *found, resolution(9))
    assert [r.incident_id for r in alike(found[0], view)] == ["inc-0", "inc-9"]
    rooted = resolution(7, root="")
    as_root = msgspec.structs.replace(found[1], root=rooted.incident_id)
    assert counted_once([rooted, as_root], view) == (rooted,)


def test_three_in_an_hour_on_one_target_count_once() -> None:
    """F-SEC-28: a false incident made three times in a row is one."""
    view = site()
    quick = [resolution(n, at=START + n * 1_000.0) for n in range(3)]
    remember(view, *quick)
    assert alike(quick[2], view) == (quick[0],)
    later = resolution(3, at=START + HOUR)
    keep(remember(view, *quick), later)
    assert alike(later, view) == (quick[0], later)
    elsewhere = resolution(4, at=START + 10.0, entity="shop-web")
    assert len(counted_once([quick[0], elsewhere], view)) == 2


def test_what_ended_otherwise_is_the_contrast() -> None:
    view = site()
    mine = resolution(1)
    others = {
        "another credited remedy": resolution(2, did=FLUSH),
        "nothing done": nothing_done(3),
        "said to be nothing": nothing_done(4, lasted=0.0, cause_kind=CauseKind.EXPECTED),
        "the same that did not help": resolution(5, credit=Credit.NOT_CLEARED),
        "the same that relapsed": resolution(6, credit=Credit.RELAPSED),
    }
    silent = [
        resolution(12, credit=Credit.PENDING),
        resolution(13, credit=Credit.UNTIMED),
        resolution(14, did=FLUSH, credit=Credit.NOT_CLEARED),
        nothing_done(15, lasted=0.5),
        nothing_done(16, cleared_at=None),
        resolution(17),
        resolution(18, alertname="Slow", did=FLUSH),
    ]
    remember(view, mine, *others.values(), *silent)
    assert contrast(mine, view) == tuple(others.values())


def test_it_is_found_by_the_index() -> None:
    view = site()
    state = remember(view, *three())
    for n in range(500):
        keep(state, resolution(n + 10, alertname=f"Other{n}"))
    assert len(with_signature(resolution(1).signature, view)) == 3


def test_the_same_after_something_else_was_tried_is_no_other_remedy() -> None:
    view = site()
    both = (*FLUSH, *RESTART)
    remember(view, *three(), resolution(4, did=both))
    mine = view.resolutions["inc-3"]
    assert contrast(mine, view) == ()
    assert [r.incident_id for r in contrast(view.resolutions["inc-4"], view)] == [
        "inc-1",
        "inc-2",
        "inc-3",
    ], "but what was left out there was not needed"


@pytest.mark.parametrize("credit", [Credit.RELAPSED, Credit.TOO_LATE, Credit.NOT_CLEARED])
def test_one_in_four_that_did_not_last_is_no_other_cause_yet(credit: Credit) -> None:
    view = site()
    state = remember(view, *three(), resolution(4, credit=credit))
    mine = view.resolutions["inc-3"]
    assert contrast(mine, view) == ()
    assert [r.incident_id for r in in_vain(mine, view)] == ["inc-4"]
    keep(state, resolution(5, credit=credit))
    assert [r.incident_id for r in contrast(mine, view)] == ["inc-4", "inc-5"]


def test_one_that_was_not_needed_is() -> None:
    view = site()
    remember(view, *three(), resolution(4, credit=Credit.BEFORE))
    assert [r.incident_id for r in contrast(view.resolutions["inc-3"], view)] == ["inc-4"]


def test_harm_may_be_a_coincidence_once_and_not_twice() -> None:
    view = site()
    many = [resolution(n) for n in range(4, 12)]
    state = remember(view, *three(), *many, resolution(20, credit=Credit.HARMED))
    mine = view.resolutions["inc-3"]
    assert contrast(mine, view) == ()
    keep(state, resolution(21, credit=Credit.HARMED))
    assert [r.incident_id for r in contrast(mine, view)] == ["inc-20", "inc-21"]


def test_another_remedy_counts_once_it_is_repeated() -> None:
    view = site()
    state = remember(view, *three(), resolution(4, did=FLUSH))
    mine = view.resolutions["inc-3"]
    assert strays(mine, view) == {"inc-4"}
    keep(state, resolution(5, did=FLUSH))
    assert strays(mine, view) == frozenset()
