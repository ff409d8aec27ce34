"""What people tell when they resolve: checked, cleaned, bounded, and never code."""

from __future__ import annotations

from typing import Any

import pytest

from agent.core.told import MOST_TOLD, why_not_plain
from agent.model.event import ActionRequested
from agent.model.incident import State
from agent.model.learning import CauseKind, Mark, ToldCall
from agent.model.reason import Reason
from tests.support.cases import START, World
from tests.support.resolved import act, fired, kept, resolve


def told(use: str = "process.restart", at: float | None = START, **params: Any) -> dict[str, Any]:
    return {"told": (ToldCall(use=use, params=params or {"target": "shop-worker"}, at=at),)}


def ended() -> World:
    world = World()
    fired(world)
    return world


DEEP: Any = "x"
for _ in range(9):
    DEEP = [DEEP]

STRANGE: dict[str, Any] = {"tar\x1bget": "x"}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no such action": (told("process.frobnicate"), "process.frobnicate"),
    "a diagnostic": (told("process.status"), "no action"),
    "a notifier's name with an escape": (told("x\x1b[31m"), "no action"),
    "to come": (told(at=START + 1), "a time to come"),
    "never": (told(at=float("nan")), "a time to come"),
    "long before": (told(at=START - 3_601), "long before"),
    "control characters": (told(target="shop\x00worker"), "nobody can type"),
    "right to left": (told(target="shop\u202eworker"), "nobody can type"),
    "a name with an escape": (told(**STRANGE), "nobody can type"),
    "no number": (told(replicas=float("inf")), "no number"),
    "too large a number": (told(replicas=2**70), "too large"),
    "nested": (told(target=DEEP), "too deep"),
    "an object": (told(target=object()), "no plain data"),
    "too large": (told(target="x" * 5_000), "larger than"),
    "too many": ({"told": told()["told"] * (MOST_TOLD + 1)}, "at most"),
    "an unknown step": ({"mattered": ("i-1/person/7",)}, "i-1/person/7"),
    "less than nothing": ({"minutes": -1.0}, "minutes"),
    "more than a week": ({"minutes": 10_081.0}, "minutes"),
    "no minutes": ({"minutes": float("nan")}, "minutes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_taken_is_refused_by_name_and_nothing_changes(case: str) -> None:
    """F-SEC-28: what is told becomes what may be run again."""
    fields, named = REFUSED[case]
    world = ended()
    before = world.case
    decision = resolve(world, **fields)
    assert decision.refused is Reason.MOVE_REFUSED
    assert named in decision.refused_text
    assert decision.refused_text.isprintable()
    assert len(decision.refused_text) < 500
    assert world.case == before
    assert world.view.resolutions == {}


@pytest.mark.parametrize("at", [START, START - 3_600])
def test_what_was_done_about_the_time_of_the_incident_is_taken(at: float) -> None:
    world = ended()
    assert resolve(world, **told(at=at)).refused is None
    (deed,) = kept(world).deeds
    assert (deed.mark, deed.by, deed.target, deed.began_at) == (
        Mark.TOLD, "bob", "shop-worker", at,
    )  # fmt: skip


def test_what_reads_like_code_stays_the_text_it_is() -> None:
    world = ended()
    text = "=entity.name"
    assert resolve(world, **told(target=text, at=START, note="${jndi:x}")).refused is None
    (deed,) = kept(world).deeds
    assert deed.params == {"target": text, "note": "${jndi:x}"}
    assert deed.origins == {}


def test_words_are_cleaned_and_bounded_and_never_become_a_deed() -> None:
    world = ended()
    words = "a: [\x1b[31mred]\n- !!python/object:os.system\u202e\n" + "x" * 5_000
    resolve(world, cause=words, actions=(words,) * 50 + ("  ",))
    one = kept(world)
    assert len(one.cause) <= 1_000
    assert len(one.outside) == 20
    assert max(map(len, one.outside)) <= 300
    for text in (one.cause, *one.outside, world.case.cause):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert one.deeds == ()
    assert one.cause_kind is CauseKind.UNKNOWN


def test_a_step_that_failed_did_not_matter() -> None:
    world = ended()
    act(world)
    step = world.case.steps[0].id
    assert resolve(world, mattered=("x" * 500, step)).refused is Reason.MOVE_REFUSED
    assert resolve(world, mattered=(step,)).refused is None
    assert world.case.state is State.RESOLVED


def test_what_a_person_has_the_agent_run_is_plain_data_too() -> None:
    world = ended()
    for params in ({"target": "a\x07b"}, {"n": float("inf")}, {"target": "x" * 9_000}):
        decision = world.tell(
            ActionRequested(
                at=START, subject=world.last, who="bob", use="process.restart", params=params
            )
        )
        assert decision.refused is Reason.PARAMETER_UNKNOWN
        assert world.case.steps == ()


def test_plain_data_is_plain() -> None:
    fine = {"a": [1, 2.5, True, None, "text", {"b": ["c"]}], "Größe": "ü"}
    assert why_not_plain(fine) is None
    assert why_not_plain({1: "x"}) is not None  # type: ignore[dict-item]
    assert why_not_plain({"a": {2: "x"}}) is not None
