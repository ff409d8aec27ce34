"""What a team should know and nobody is woken for."""

from __future__ import annotations

import msgspec

from agent.core.advance import advance
from agent.core.announcing import MOST_REMEMBERED
from agent.core.view import Channel
from agent.model.command import Command
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import Announced, CommandFinished
from agent.model.on_call import Telling
from agent.model.policy import PluginFacts
from agent.model.reason import Reason
from agent.model.records import AnnouncedOnce
from tests.support.cases import START, World


def world() -> World:
    """The team of the shop has a chat that can say anything, and one that can only page."""
    found = World()
    everything = tuple(telling.value for telling in Telling)
    found.view.plugins = {
        **found.view.plugins,
        "chat": PluginFacts(name="chat", kind="notifier", tells=everything),
        "terminal": PluginFacts(name="terminal", kind="notifier"),
    }
    found.view.channels = {
        **found.view.channels,
        "team-shop": (Channel(id="c", use="chat"), Channel(id="t", use="terminal")),
    }
    return found


def told(subject: str = "i-1", **fields: object) -> Announced:
    given = {"team": "team-shop", "title": "a proposal waits", "text": "look at it", **fields}
    return Announced(at=START, subject=subject, **given)  # type: ignore[arg-type]


def test_a_team_is_told_by_what_can_say_it_and_the_journal_keeps_it() -> None:
    made = world()
    case = made.fire()
    made.commands.clear()
    decision = made.tell(told(case.id))
    (command,) = made.pages
    assert (command.use, command.params["telling"]) == ("chat", "change")
    assert command.params["title"] == "a proposal waits"
    assert command.subject == case.id
    (entry,) = decision.journal
    assert (entry.subject, entry.kind, entry.reason) == (case.id, "announced", Reason.ANNOUNCED)
    assert made.case.pages == case.pages, "nobody was paged"


def test_the_same_is_said_once_and_another_title_again() -> None:
    made = world()
    for title in ("one", "one", "two"):
        made.tell(told(title=title))
    made.tell(told("i-2", title="one"))
    assert [c.params["title"] for c in made.pages] == ["one", "two", "one"]


def test_it_is_told_where_the_incident_is_long_over() -> None:
    made = world()
    decision = made.tell(told("i-of-last-year"))
    assert decision.refused is None
    assert len(made.pages) == 1


def test_whoever_has_no_channel_is_told_by_those_for_everybody() -> None:
    made = world()
    made.view.channels = {**made.view.channels, "default": (Channel(id="d", use="chat"),)}
    made.tell(told(team="team-nobody-heard-of"))
    made.tell(told(team="team-shop", title="other"))
    assert [c.params["channel"] for c in made.pages] == ["d", "c"]


def test_a_person_is_told_by_their_own_channel() -> None:
    made = world()
    made.view.channels = {**made.view.channels, "person:anna": (Channel(id="a", use="chat"),)}
    made.tell(told(team="anna"))
    assert [c.params["channel"] for c in made.pages] == ["a"]


def test_where_no_channel_can_say_it_the_journal_says_so() -> None:
    made = world()
    decision = made.tell(told(team="team-pay"))
    assert made.pages == []
    assert "no channel of theirs can say it" in decision.journal[0].text


def test_what_is_said_is_clean_and_bounded() -> None:
    made = world()
    made.tell(told(title="a\x1b[2J\u202eb" + "x" * 500, text="y" * 5000))
    (command,) = made.pages
    assert "\x1b" not in command.params["title"]
    assert "\u202e" not in command.params["title"]
    assert len(command.params["title"]) <= 150
    assert len(command.params["text"]) <= 1000


def finished(command: Command, status: OutcomeStatus) -> CommandFinished:
    outcome = Outcome(status=status, reason=Reason.STEP_FAILED, detail="busy")
    return CommandFinished(at=START + 1, command=command, outcome=outcome)


def test_a_message_that_did_not_get_through_is_tried_again_and_then_told_of() -> None:
    """Its incident is not known any more: nothing of it may stay in the outbox for ever."""
    made = world()
    made.tell(told("i-of-last-year"))
    (command,) = made.pages
    for _ in range(2):
        decision = made.tell(finished(command, OutcomeStatus.TEMPORARY))
        assert decision.refused is None
        assert decision.finished == (command.id,)
        (command,) = decision.commands
        assert command.not_before > START
    decision = made.tell(finished(command, OutcomeStatus.TEMPORARY))
    assert decision.commands == ()
    assert decision.journal[0].reason is Reason.PAGE_FAILED
    assert made.under_way == {}


def test_what_was_told_long_ago_is_forgotten() -> None:
    made = world()
    old = AnnouncedOnce(at=1.0, subject="i", team="t", title="t")
    made.view.announced = {
        str(n): msgspec.structs.replace(old, at=float(n + 1)) for n in range(MOST_REMEMBERED)
    }
    decision = advance(None, told(), made.view)
    assert [r.key for r in decision.records if r.body is None] == ["0"]
