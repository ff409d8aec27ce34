"""Machinery layer: a sub-agent that dies, falls silent, hangs, or runs something else than declared
becomes an alert like any other.

- **Silence**: a beat moves the member's silence timer; a last will, or the timer, raises
  `AgentSilent`; the next beat resolves it. Time of arrival drives the timer, whatever a sender's
  clock says.
- **A hang**: it beats, and the counter of its work stands for longer than it declares. That is
  looked at with each beat, so that a member that beats needs no timer for it. Where it was not
  heard meanwhile nobody knows what it did, and the time begins anew; in quarantine it does not
  work, and does not hang.
- **Pins**: it says a version or a configuration other than the declared one for `ROLLOUT_BEATS`
  beats in a row.
"""

from __future__ import annotations

import msgspec

from agent.core import strangers
from agent.core.beat_recordings import is_recorded, lives_with
from agent.core.blind_spots import gone
from agent.core.members import (
    NO_MEMBER,
    NOTHING,
    allowed_silence,
    begins,
    differs,
    ends,
    line,
    subject_of,
    unusable,
)
from agent.core.sender_clock import CLOCK_SECONDS
from agent.core.view import View
from agent.model.alert import Heartbeat
from agent.model.decision import Decision, JournalEntry, Record, Timer
from agent.model.event import AlertReceived, HeartbeatReceived
from agent.model.reason import Reason
from agent.model.records import AgentSigns
from agent.model.signals import BlindSpotKind, Member, Mode, Trouble

KIND = "heartbeat"
MEMBER_SILENT = BlindSpotKind.MEMBER_SILENT
TIMER = "silence"
ROLLOUT_BEATS = 3
"""A rollout passes through what is not declared (yet, or any more): so many beats in a row are no
rollout."""
TINY = 1e-9
"""Where no work is declared, any is work."""
REMEDY = "mend what sends it (docs/machinery.md has the fields); its beats count all the same"
REPLAYED = (
    "let only one instance beat under this name, each life with a `boot` of its own; what is"
    " repeated is no sign of life"
)
FORGED = (
    "let the access list of the broker allow each member its own topics only, and see who else"
    " writes there"
)


def watch(agent: str, view: View, *, at: float) -> Timer | None:
    """The timer of an agent that is declared but was not heard of yet."""
    allowed = allowed_silence(view, agent)
    if allowed is None:
        return None
    return Timer(subject=subject_of(agent), name=TIMER, due=at + allowed)


def take_heartbeat(event: HeartbeatReceived, view: View) -> Decision:
    beat, at = event.heartbeat, event.at
    entity = view.registry.entities.get(beat.agent)
    if entity is None:
        return strangers.heard(beat.agent, view, at=at)
    known, wanted = view.agents.get(beat.agent), entity.member or NO_MEMBER
    if not beat.is_sign:
        return _no_sign(beat.agent, beat.faults, FORGED, known, view, at=at)
    if not beat.alive:
        return _dead(beat, known, view, at=at)
    if known is not None and is_recorded(beat, known, at=at):
        return _told_again(beat, known, view, at=at)
    before = known or AgentSigns(agent=beat.agent, last_at=at, alive=True)
    is_heard_on = known is not None and _is_heard_on(known, wanted, view, at=at)
    signs = _heard(beat, before, at=at, is_new=known is None)
    signs = _worked(beat, before, signs, wanted, at=at, is_heard_on=is_heard_on)
    found = unusable(
        view,
        beat.agent,
        _faults(beat, before, wanted, at=at),
        before=before.faulty_at,
        at=at,
        remedy=REMEDY,
    )
    signs = _compared(signs, wanted)
    why = _hangs(signs, wanted, at=at) if beat.work is not None else ""
    signs, emits, journal = _said(signs, before, wanted, view, at=at, hangs=why)
    if found.at != signs.faulty_at:
        signs = msgspec.structs.replace(signs, faulty_at=found.at)
    decision = Decision(
        records=(Record(kind="agent", key=beat.agent, body=signs),),
        timers=_until_silent(beat.agent, view, at=at),
        emits=emits,
        journal=journal,
    )
    if known is None:
        decision = decision.also(strangers.registered(beat.agent, view, at=at))
    if not before.beats:
        # A survey may have found that it was never heard of, and looks again only in a day.
        decision = decision.also(gone(view, kind=MEMBER_SILENT, subject=beat.agent, at=at))
    return decision if found.decision is NOTHING else decision.also(found.decision)


def sign_of_life(agent: str, view: View, *, at: float) -> Decision:
    """It said something else than a beat, which only who lives can say."""
    known = view.agents.get(agent)
    before = known or AgentSigns(agent=agent, last_at=at, alive=True)
    signs = msgspec.structs.replace(before, last_at=at, alive=True, firing_since=None)
    emits: tuple[AlertReceived, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    if before.firing_since is not None:
        emits = (ends(Trouble.SILENT, agent, view, at=at, since=before.firing_since),)
        journal = (line(KIND, agent, at, Reason.AGENT_BACK),)
    return Decision(
        records=(Record(kind="agent", key=agent, body=signs),),
        timers=_until_silent(agent, view, at=at),
        emits=emits,
        journal=journal,
    )


def fall_silent(agent: str, view: View, *, at: float) -> Decision:
    """The silence timer ran out."""
    known = view.agents.get(agent)
    allowed = allowed_silence(view, agent)
    if (known is not None and known.firing_since is not None) or allowed is None:
        return NOTHING
    if known is not None and known.alive and at < known.last_at + allowed:
        # A beat came in while the timer was on its way: it stands again, and nobody is silent.
        due = known.last_at + allowed
        return Decision(timers=(Timer(subject=subject_of(agent), name=TIMER, due=due),))
    before = known or AgentSigns(agent=agent, last_at=0.0, alive=False)
    signs = msgspec.structs.replace(before, alive=False, firing_since=at)
    heard = f"last heard {at - known.last_at:.0f} s ago" if known else "never heard of"
    why = f"{Reason.AGENT_SILENT.sentence}, {heard}"
    return Decision(
        records=(Record(kind="agent", key=agent, body=signs),),
        emits=(begins(Trouble.SILENT, agent, view, at=at, why=why),),
        journal=(line(KIND, agent, at, Reason.AGENT_SILENT),),
    )


def _until_silent(agent: str, view: View, *, at: float) -> tuple[Timer, ...]:
    allowed = allowed_silence(view, agent)
    due = at + allowed if allowed is not None else None
    return (Timer(subject=subject_of(agent), name=TIMER, due=due),)


def _dead(beat: Heartbeat, known: AgentSigns | None, view: View, *, at: float) -> Decision:
    """A last will. That of an earlier life says nothing of this one: a broker publishes it when it
    notices, which may be after the member came back."""
    if known is not None and beat.boot and beat.boot != known.boot and beat.boot in known.lives:
        return NOTHING
    before = known or AgentSigns(agent=beat.agent, last_at=at, alive=False)
    signs = msgspec.structs.replace(
        before, alive=False, last_at=at, firing_since=before.firing_since or at
    )
    decision = Decision(
        records=(Record(kind="agent", key=beat.agent, body=signs),),
        timers=(Timer(subject=subject_of(beat.agent), name=TIMER, due=None),),
    )
    if before.firing_since is not None:
        return decision
    why = Reason.AGENT_DEAD.sentence
    return msgspec.structs.replace(
        decision,
        emits=(begins(Trouble.SILENT, beat.agent, view, at=at, why=why),),
        journal=(line(KIND, beat.agent, at, Reason.AGENT_DEAD),),
    )


# is it one


def _told_again(beat: Heartbeat, known: AgentSigns, view: View, *, at: float) -> Decision:
    """No sign of life. A broker that was not thanked in time sends the latest once more: that is no
    fault."""
    if beat.boot == known.boot and beat.seq == known.seq:
        return NOTHING
    back = f"its sequence goes back (to {beat.seq}): two instances with one name, or replayed"
    return _no_sign(beat.agent, (f"{back} messages",), REPLAYED, known, view, at=at)


def _no_sign(
    agent: str,
    faults: tuple[str, ...],
    remedy: str,
    known: AgentSigns | None,
    view: View,
    *,
    at: float,
) -> Decision:
    before = known.faulty_at if known is not None else None
    found = unusable(view, agent, faults, before=before, at=at, remedy=remedy)
    if known is None:
        return found.decision
    signs = msgspec.structs.replace(known, faulty_at=found.at)
    return found.decision.also(Decision(records=(Record(kind="agent", key=agent, body=signs),)))


def _is_heard_on(known: AgentSigns, wanted: Member, view: View, *, at: float) -> bool:
    """Whether it was heard all the time until now, so that its work was seen to stand."""
    allowed = allowed_silence(view, known.agent)
    if allowed is None:
        allowed = wanted.work.within_seconds if wanted.work is not None else 0.0
    return known.alive and at - known.last_at <= allowed


# what it says


def _heard(beat: Heartbeat, before: AgentSigns, *, at: float, is_new: bool) -> AgentSigns:
    return msgspec.structs.replace(
        before,
        last_at=at,
        alive=True,
        beats=before.beats + 1,
        detail=beat.detail,
        boot=beat.boot or before.boot,
        seq=beat.seq,
        sent_at=beat.sent_at,
        lives=lives_with(beat, before.lives),
        last_success=before.last_success if beat.last_success is None else beat.last_success,
        version=beat.version or before.version,
        config_hash=beat.config_hash or before.config_hash,
        mode=beat.mode or before.mode,
        worked_at=at if is_new else before.worked_at,
    )


def _worked(
    beat: Heartbeat,
    before: AgentSigns,
    signs: AgentSigns,
    wanted: Member,
    *,
    at: float,
    is_heard_on: bool,
) -> AgentSigns:
    """When its work moved last. It is lower after a restart, and counts from there."""
    begins_anew = (
        before.worked_at is None
        or not is_heard_on
        or signs.boot != before.boot
        or signs.mode is Mode.OBSERVE
    )
    if beat.work is None:
        return msgspec.structs.replace(signs, worked_at=at) if begins_anew else signs
    least = wanted.work.least if wanted.work is not None else 0.0
    start = before.work_from if before.work_from is not None else before.work
    moved = start is None or beat.work < start or beat.work >= start + max(least, TINY)
    if not moved and not begins_anew:
        return msgspec.structs.replace(signs, work=beat.work)
    return msgspec.structs.replace(signs, work=beat.work, work_from=beat.work, worked_at=at)


def _compared(signs: AgentSigns, wanted: Member) -> AgentSigns:
    if not differs(signs.version, signs.config_hash, wanted):
        return msgspec.structs.replace(signs, unpinned_beats=0) if signs.unpinned_beats else signs
    beats = min(signs.unpinned_beats + 1, ROLLOUT_BEATS)
    return msgspec.structs.replace(signs, unpinned_beats=beats)


def _faults(beat: Heartbeat, before: AgentSigns, wanted: Member, *, at: float) -> tuple[str, ...]:
    """What of it cannot be used, as sentences that stay the same from beat to beat."""
    faults = list(beat.faults)
    if beat.sent_at is not None and abs(beat.sent_at - at) > CLOCK_SECONDS:
        faults.append(f"sent_at: {_off(beat.sent_at - at)}, or its beats are long on the way")
    if beat.last_success is not None and beat.last_success - at > CLOCK_SECONDS:
        faults.append(f"last_success: {_off(beat.last_success - at)}")
    if beat.boot and beat.boot != before.boot and beat.boot in before.lives:
        faults.append("boot: it goes back to an earlier life: two instances with one name")
    if beat.boot and beat.seq is not None and beat.seq <= before.lives.get(beat.boot, -1):
        faults.append("seq: it goes back within one boot: each life needs a boot of its own")
    if not beat.boot and None not in (beat.seq, before.seq) and _is_lower(beat.seq, before.seq):
        faults.append(
            "seq: it goes back, and no boot says that it was started anew: send `boot`, so that"
            " a restart is told from replayed messages"
        )
    if wanted.work is not None and beat.work is None and not _is_named("work", faults):
        faults.append("work: missing, though work is declared: whether it hangs is not known")
    for name, pinned, said in (
        ("version", wanted.version, beat.version),
        ("config_hash", wanted.config_hash, beat.config_hash),
    ):
        if pinned and not said and not _is_named(name, faults):
            faults.append(f"{name}: missing, though it is declared: what it runs is not known")
    return tuple(faults)


def _is_lower(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other


def _is_named(name: str, faults: list[str]) -> bool:
    return any(fault.startswith(f"{name}:") for fault in faults)


def _off(seconds: float) -> str:
    """Rounded, so that a clock that is off is one finding and not one for each beat."""
    hours = abs(seconds) / 3600.0
    size = next((f"{n} h" for n in (1000, 100, 24, 10, 1) if hours >= 0.9 * n), "5 min")
    return f"the clock of its sender is more than {size} {'ahead' if seconds > 0 else 'behind'}"


# what begins and ends by it


def _said(
    signs: AgentSigns,
    before: AgentSigns,
    wanted: Member,
    view: View,
    *,
    at: float,
    hangs: str,
) -> tuple[AgentSigns, tuple[AlertReceived, ...], tuple[JournalEntry, ...]]:
    agent = signs.agent
    emits: list[AlertReceived] = []
    journal: list[JournalEntry] = []
    changed: dict[str, float | None] = {}
    if before.firing_since is not None:
        emits.append(ends(Trouble.SILENT, agent, view, at=at, since=before.firing_since))
        journal.append(line(KIND, agent, at, Reason.AGENT_BACK))
        changed["firing_since"] = None
    if before.hung_since is not None:
        if wanted.work is None or _moved(signs, before, least=wanted.work.least):
            emits.append(ends(Trouble.HUNG, agent, view, at=at, since=before.hung_since))
            journal.append(line(KIND, agent, at, Reason.AGENT_WORKS))
            changed["hung_since"] = None
    elif hangs:
        said = f"{Reason.AGENT_HUNG.sentence}: {hangs}"
        emits.append(begins(Trouble.HUNG, agent, view, at=at, why=said))
        journal.append(line(KIND, agent, at, Reason.AGENT_HUNG, hangs))
        changed["hung_since"] = at
    if before.unpinned_since is not None:
        if not signs.unpinned_beats:
            emits.append(ends(Trouble.PINNED, agent, view, at=at, since=before.unpinned_since))
            journal.append(line(KIND, agent, at, Reason.AGENT_AS_PINNED))
            changed["unpinned_since"] = None
    elif signs.unpinned_beats >= ROLLOUT_BEATS:
        why = "; ".join(differs(signs.version, signs.config_hash, wanted))
        emits.append(begins(Trouble.PINNED, agent, view, at=at, why=why))
        journal.append(line(KIND, agent, at, Reason.AGENT_NOT_AS_PINNED, why))
        changed["unpinned_since"] = at
    if changed:
        signs = msgspec.structs.replace(signs, **changed)
    return signs, tuple(emits), tuple(journal)


def _moved(signs: AgentSigns, before: AgentSigns, *, least: float) -> bool:
    """Whether it did some of its work in this very life: a restart alone is no work."""
    return (
        signs.boot == before.boot
        and signs.work_from is not None
        and before.work_from is not None
        and signs.work_from >= before.work_from + least
    )


def _hangs(signs: AgentSigns, wanted: Member, *, at: float) -> str:
    """Why it hangs; empty where it does not, or where that cannot be told."""
    if wanted.work is None or signs.work is None or signs.worked_at is None:
        return ""
    if signs.mode is Mode.OBSERVE or at - signs.worked_at < wanted.work.within_seconds:
        return ""
    return (
        f"its counter stands at {signs.work:g} for {at - signs.worked_at:.0f} s, and"
        f" {wanted.work.least:g} within {wanted.work.within_seconds:.0f} s are declared"
    )
