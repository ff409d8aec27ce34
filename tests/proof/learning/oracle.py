"""Who knows the causes, and scores what was learned against them. Nothing is decided by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from agent.catalog.draft import draft
from agent.catalog.runbooks import load_text
from agent.core.history import Kind, Would
from agent.model.incident import Incident
from agent.model.learning import Credit, Promotion, PromotionState, Resolution
from agent.model.runbook import Lifecycle
from agent.runtime.history import Rules, backtest
from tests.proof.learning import company
from tests.proof.learning.families import all_families, by_alert
from tests.proof.learning.figures import absorbed, pages
from tests.proof.learning.play import DAY, START, Play
from tests.proof.learning.record import Acted
from tests.proof.learning.score import FamilyScore, Learned, Score
from tests.proof.learning.words import Family, Sort

NEEDED = 3
ENOUGH = 6
"""After so many truly right repeats a family has to have three that were credited."""
MOMENT = 1.0
UNDECIDED = 4
"""So many failures at most are needed beside good runs before the exact test is sure."""
STEADY = (Sort.CONSISTENT, Sort.BREAKING)
ACTED = (Kind.ACTS, Kind.ASKS)
SUSPENDED_ALERT = "RunbookSuspended"

Calls = tuple[tuple[str, Mapping[str, Any]], ...]


class Oracle:
    def __init__(self, play: Play, seed: int) -> None:
        self._play = play
        self._families = by_alert()
        self._seed = seed
        self._distinct: dict[str, float] = {}

    def score(self) -> Score:
        play = self._play
        learned = [self._learned(name) for name in sorted(play.diary.promotions)]
        runs = self._runs()
        score = Score(
            seed=self._seed,
            days=play.days,
            incidents=play.past.count(),
            families=[self._family(family, learned) for family in all_families()],
            learned=learned,
            right_acts=Counter(state for state, is_right in runs if is_right),
            harmful_acts=Counter(state for state, is_right in runs if not is_right),
            damage=self._damage(),
            absorbed=absorbed(play),
            pages=pages(play),
            faults=play.diary.faults,
        )
        self._broke(score)
        return score

    # what is true

    def _is_right(self, incident: Incident, calls: Calls) -> tuple[bool, str]:
        """Whether these acts are right for what was broken, and what that was."""
        until = incident.resolved_at or self._play.until
        identities = tuple(incident.alerts)
        starts = min(a.starts_at for a in incident.alerts.values())
        faults = self._play.world.faults_of(identities, min(starts, incident.opened_at), until)
        if not faults:
            return True, "nothing of the made-up world"
        causes = "/".join(sorted({fault.cause.name for fault in faults}))
        return any(fault.is_way(calls) for fault in faults), causes

    # proposals

    def _learned(self, name: str) -> Learned:
        rows = self._play.diary.promotions[name]
        first, last = rows[0], rows[-1][1]
        family = self._families.get(last.alertname)
        active = next((at for at, p in rows if _is_active(p)), None)
        standings = self._play.diary.standings.get(name, [])
        found = Learned(
            name=name,
            family=family.id if family else "?",
            at=first[0],
            state=last.state.value,
            reason=last.reason.value if last.reason is not None else "",
            text=last.reason_text or "; ".join(last.faults),
            lifecycle=last.lifecycle,
            separated_by=last.separated_by,
            was_shown=any(p.state is PromotionState.PROPOSED for _, p in rows),
            was_active=active is not None,
            active_at=active,
            suspended_at=next((at for at, s in standings if s.is_suspended), None),
            not_clean=last.not_clean,
            is_broken=family is not None and family.breaks_on_day is not None,
            damage=sum(
                acted.runbook == name and acted.state is Lifecycle.ACTIVE
                for acted in self._damaging()
            ),
        )
        if found.was_shown:
            self._try(found, last, family)
        return found

    def _try(self, found: Learned, promotion: Promotion, family: Family | None) -> None:
        """What it would do in every incident of the whole time."""
        runbook = load_text(draft(promotion.document), path="oracle", plugins=company.plugins())
        view = self._play.view
        rules = Rules(
            (), policy=view.policy, registry=view.registry, plugins=dict(company.plugins())
        )
        rows = backtest(self._play.past, rules, runbook).rows
        wrong = []
        for row in rows:
            if row.would.kind not in ACTED or self._is_beyond(row.at, family):
                continue
            is_right, cause = self._is_right(self._play.past.get(row.incident), _calls(row.would))
            if is_right:
                found.right += 1
            else:
                wrong.append(f"{row.incident} ({cause})")
        found.wrong = tuple(wrong)

    @staticmethod
    def _is_beyond(at: float, family: Family | None) -> bool:
        """What worked until that day was right until then."""
        day = family.breaks_on_day if family else None
        return day is not None and at >= START + day * DAY - 3_600

    # families

    def _family(self, family: Family, learned: Sequence[Learned]) -> FamilyScore:
        past = self._play.past
        mine = [i for i in past.incidents() if _alert(i) == family.alert]
        score = FamilyScore(id=family.id, sort=family.sort, incidents=len(mine))
        latest: dict[str | None, float] = {}
        for incident in mine:
            resolution = self._play.diary.resolutions.get(incident.id)
            if resolution is None or not resolution.deeds:
                continue
            is_right = self._is_right(incident, _deeds(resolution))[0]
            is_right = is_right and bool(self._cured(incident))
            is_credited = resolution.credit is Credit.CREDITED
            score.credited_wrong += is_credited and not is_right
            again = incident.opened_at - latest.get(incident.entity, 0.0) < 3_600
            if is_right and not again:
                latest[incident.entity] = incident.opened_at
                score.truly_right += 1
                score.credited_right += is_credited
        self._third(family, score, learned)
        return score

    def _cured(self, incident: Incident) -> bool:
        until = incident.resolved_at or self._play.until
        starts = min(a.starts_at for a in incident.alerts.values())
        faults = self._play.world.faults_of(
            tuple(incident.alerts), min(starts, incident.opened_at), until
        )
        return any(fault.helped == "cure" for fault in faults)

    def _third(self, family: Family, score: FamilyScore, learned: Sequence[Learned]) -> None:
        """The third right resolution with one recipe that was credited, and whether a proposal
        came of it there and then."""
        seen: dict[str, dict[tuple[str | None, int], float]] = {}
        for at, resolution in self._play.diary.credited:
            if resolution.alertname != family.alert:
                continue
            incident = self._play.past.get(resolution.incident_id)
            if not self._is_right(incident, _deeds(resolution))[0] or not self._cured(incident):
                continue
            kind = seen.setdefault(resolution.recipe, {})
            kind.setdefault((resolution.entity, int(resolution.opened_at // 3_600)), at)
            if len(kind) == NEEDED:
                score.third_at = at
                break
        shown = [each for each in learned if each.family == family.id and each.was_shown]
        right = [each for each in shown if not each.is_wrong]
        score.proposed_at = min((each.at for each in right), default=None)
        if family.sort not in STEADY:
            return
        score.is_counted = score.third_at is not None or score.truly_right >= ENOUGH
        if score.third_at is None:
            score.why = "never three that were credited"
        elif score.proposed_at is None:
            score.why = self._why_none(family, learned)
        elif score.proposed_at > score.third_at + MOMENT:
            days = (score.proposed_at - score.third_at) / DAY
            score.why = f"{days:.1f} days late: {self._why_none(family, learned, score.third_at)}"
        else:
            score.is_met = True

    def _why_none(self, family: Family, learned: Sequence[Learned], at: float | None = None) -> str:
        """What the first refusal of a proposal of the family said."""
        for each in learned:
            if each.family != family.id:
                continue
            for when, row in self._play.diary.promotions[each.name]:
                is_first = at is None or when <= at + DAY
                if row.state is PromotionState.REFUSED and is_first:
                    reason = row.reason.value if row.reason is not None else ""
                    return f"{reason}: {row.reason_text or '; '.join(row.faults)}"
            if each.is_wrong:
                return f"what it would do is wrong in {', '.join(each.wrong[:3])}"
        return "none was made"

    # acts

    def _runs(self) -> list[tuple[str, bool]]:
        """Every plan the agent ran: in which state, and whether it was right."""
        plans: dict[tuple[str, int, str], list[Acted]] = {}
        for acted in self._play.diary.acts:
            if not acted.is_rollback:
                plans.setdefault((acted.incident, acted.attempt, acted.plan), []).append(acted)
        found = []
        for (incident, _, _), acts in plans.items():
            calls = tuple((a.use, a.params) for a in acts)
            past = self._play.past.get(incident)
            if self._is_beyond(acts[0].at, self._families.get(_alert(past))):
                continue  # told with the fix that stops working
            is_right, _ = self._is_right(past, calls)
            found.append((_state(acts[0]), is_right))
        return found

    def _damage(self) -> Counter[str]:
        """Damage that followed on acts of the agent."""
        return Counter(_state(acted) for acted in self._damaging())

    def _damaging(self) -> list[Acted]:
        return [
            acted
            for at, use, target in self._play.world.hurt
            for acted in self._play.diary.acts
            if acted.use == use and acted.params.get("target") == target and 0 <= at - acted.at < 60
        ]

    # the fix that stops working

    def _broke(self, score: Score) -> None:
        (family,) = (f for f in all_families() if f.sort is Sort.BREAKING)
        assert family.breaks_on_day is not None
        broke_at = START + family.breaks_on_day * DAY
        ran = [each for each in score.learned if each.family == family.id and each.is_approved]
        if broke_at >= self._play.until or not ran:
            score.broke = "nothing was learned of it" if not ran else "not played so long"
            return
        for each in ran:
            acts = [
                a
                for a in self._play.diary.acts
                if a.runbook == each.name and a.at >= broke_at and not a.is_rollback
            ]
            until = each.suspended_at
            runs = len({a.incident for a in acts})
            if until is not None and until < broke_at:
                score.broke += "suspended before the day it broke. "
                continue
            if until is None:
                score.broke += f"{each.lifecycle}, {runs} runs afterwards, not suspended. "
                # With less runs than it takes no exact test can tell it from bad luck.
                score.is_broken_fix_out &= runs <= UNDECIDED
                continue
            days = (until - broke_at) / DAY
            told = self._was_told(each.name)
            score.broke += (
                f"{each.lifecycle}, suspended {days:+.1f} days from the break after {runs} runs, "
                f"owner {'told' if told else 'NOT TOLD'}. "
            )
            score.is_broken_fix_out &= told

    def _was_told(self, name: str) -> bool:
        for incident in self._play.past.incidents():
            for alert in incident.alerts.values():
                is_it = alert.name == SUSPENDED_ALERT and alert.labels.get("runbook") == name
                if is_it and incident.pages:
                    return True
        return False


def _is_active(promotion: Promotion) -> bool:
    return (
        promotion.state is PromotionState.APPROVED and promotion.lifecycle == Lifecycle.ACTIVE.value
    )


def _state(acted: Acted) -> str:
    return acted.state.value


def _alert(incident: Incident) -> str:
    return min(incident.alerts.values(), key=lambda a: a.starts_at).name


def _deeds(resolution: Resolution) -> Calls:
    return tuple((deed.use, deed.params) for deed in resolution.deeds)


def _calls(would: Would) -> Calls:
    return tuple((step.use, step.params) for step in would.steps)
