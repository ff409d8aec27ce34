"""What a survey found becomes findings, and what is gone ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.core.blind_spots import found
from agent.core.survey import KEPT_SECONDS, MORE, MOST_OF_A_KIND
from agent.model.alert import Measure
from agent.model.event import MeasureReceived, SurveyTaken
from agent.model.reason import Reason
from agent.model.signals import BlindSpot, BlindSpotKind
from tests.support.cases import World

DAY = 86_400.0
RULES = "metrics@prom"


def spot(subject: str, *, by: str = RULES, text: str = "nothing reports it") -> BlindSpot:
    return BlindSpot(
        kind=BlindSpotKind.METRIC_VANISHED,
        subject=subject,
        owner="team-shop",
        text=text,
        remedy="mend it",
        since=0.0,
        last_at=0.0,
        by=by,
    )


def survey(world: World, *spots: BlindSpot, looked: Sequence[str] = (RULES,), **told: Any) -> None:
    world.tell(SurveyTaken(at=world.now, seconds=1.0, looked=tuple(looked), found=spots, **told))


def there(world: World) -> list[str]:
    return [s.subject for s in world.view.blind_spots.values() if s.gone_at is None]


def announced(world: World) -> list[tuple[str, str]]:
    return [(a.team, a.title) for a in world.view.announced.values()]


def test_what_is_found_stands_until_a_survey_of_that_part_does_not_find_it() -> None:
    world = World()
    survey(world, spot("a"), spot("b"))
    assert there(world) == ["a", "b"]
    world.now += DAY
    survey(world, spot("b"))
    assert there(world) == ["b"]
    gone = world.view.blind_spots["metric_vanished/a"]
    assert gone.gone_at == world.now
    assert world.reasons.count(Reason.BLIND_SPOT_FOUND) == 2
    assert world.reasons.count(Reason.BLIND_SPOT_GONE) == 1


def test_what_could_not_be_looked_at_ends_nothing() -> None:
    """No answer is no news: a Prometheus that is gone has mended nothing."""
    world = World()
    survey(world, spot("a"), spot("other", by="targets@prom"), looked=(RULES, "targets@prom"))
    survey(world, looked=("targets@prom",), missed=(RULES,), could_not=("prom: gone",))
    assert there(world) == ["a"]
    assert world.view.surveys["survey"].could_not == ("prom: gone",)


def test_what_was_found_in_a_part_that_is_no_more_ends() -> None:
    world = World()
    survey(world, spot("a"))
    survey(world, looked=("metrics@another",))
    assert there(world) == []


def test_what_a_signal_showed_is_not_the_surveys_to_end_or_to_take_over() -> None:
    world = World()
    kind = BlindSpotKind.METRIC_VANISHED
    told = found(world.view, kind=kind, subject="a", text="by a signal", remedy="r", at=world.now)
    world.tell(told)
    survey(world, spot("a"))
    survey(world)
    assert there(world) == ["a"]
    assert world.view.blind_spots["metric_vanished/a"].text == "by a signal"


def test_what_comes_back_is_counted_and_new_again() -> None:
    world = World()
    for spots in ([spot("a")], [], [spot("a")]):
        survey(world, *spots)
        world.now += DAY
    back = world.view.blind_spots["metric_vanished/a"]
    assert (back.times, back.gone_at, back.since) == (2, None, world.now - DAY)


def test_of_one_kind_so_many_are_listed_and_the_others_are_counted() -> None:
    world = World()
    survey(world, *(spot(f"m{n:04}") for n in range(MOST_OF_A_KIND + 7)))
    listed = there(world)
    assert len(listed) == MOST_OF_A_KIND + 1
    assert world.view.blind_spots[f"metric_vanished/{MORE}"].text.startswith("7 more")
    known = set(listed) - {MORE}
    survey(world, spot("a first by name"), *(spot(f"m{n:04}") for n in range(MOST_OF_A_KIND + 7)))
    assert set(there(world)) - {MORE} == known, "those that are listed stay listed"
    survey(world, spot("m0001"))
    assert there(world) == ["m0001"]


def test_what_is_gone_for_a_month_is_forgotten() -> None:
    world = World()
    survey(world, spot("a"))
    survey(world)
    world.now += KEPT_SECONDS
    survey(world)
    assert "metric_vanished/a" in world.view.blind_spots
    world.now += 1.0
    survey(world)
    assert not world.view.blind_spots


def test_a_team_is_told_once_a_day_of_all_that_is_new_to_it() -> None:
    world = World()
    survey(world, spot("a"), spot("b"))
    assert announced(world) == [("team-shop", "New blind spots, 2025-06-15")]
    world.now += 3600.0
    survey(world, spot("a"), spot("b"), spot("c"))  # asked for within the day
    assert len(announced(world)) == 1
    world.now += DAY
    survey(world, spot("a"), spot("b"), spot("c"))
    assert [title for _, title in announced(world)][1:] == ["New blind spots, 2025-06-16"]
    world.now += DAY
    survey(world, spot("a"), spot("b"), spot("c"))
    assert len(announced(world)) == 2, "nothing is new"
    assert not world.view.incidents, "a blind spot is no incident"


def test_when_a_runbook_was_first_seen_is_kept_as_long_as_it_is_loaded() -> None:
    world = World()
    survey(world, runbooks=("old", "gone"))
    first = world.now
    world.now += DAY
    survey(world, runbooks=("old", "new"))
    assert world.view.surveys["survey"].runbooks == {"old": first, "new": world.now}


def test_what_nobody_declared_is_over_once_it_has_not_come_for_a_day() -> None:
    world = World()
    said = Measure(product="nobodys", metric="orders", value=1.0)
    world.tell(MeasureReceived(at=world.now, measure=said))
    assert there(world) == ["a product nobody registered"]
    world.now += 0.5 * DAY
    world.tell(MeasureReceived(at=world.now, measure=said))
    world.now += 0.9 * DAY
    survey(world)
    assert there(world) == ["a product nobody registered"], "it came since"
    world.now += 0.2 * DAY
    survey(world)
    assert there(world) == []
