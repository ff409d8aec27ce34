"""The score in words and figures, and what was missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.proof.learning.score import FamilyScore, Learned, Score
from tests.proof.learning.words import Sort

LEAST_AT_THIRD = 0.9
LONGEST = 150


def table(score: Score, *, details: bool = True) -> Iterator[str]:
    """One seed, line by line."""
    yield f"seed {score.seed}: {score.incidents} incidents in {score.days} days"
    yield from _figures([score])
    if details:
        yield from _families(score)
    yield f"  the fix that stops working: {score.broke}"
    for fault in dict.fromkeys(score.faults):
        yield f"  FAULT in a runbook file: {fault}"


def total(scores: Sequence[Score]) -> Iterator[str]:
    yield f"all {len(scores)} seeds:"
    yield from _figures(scores)


def missed(scores: Sequence[Score]) -> list[str]:
    """Every figure that is not what it has to be, with where."""
    found = []
    for score in scores:
        share = _share_met([score])
        if share is not None and share < LEAST_AT_THIRD:
            names = ", ".join(f.id for f in score.counted if not f.is_met)
            found.append(
                f"seed {score.seed}: proposals at the third credited repeat: {share:.0%}, at least "
                f"{LEAST_AT_THIRD:.0%} (not {names})"
            )
        found += [
            f"seed {score.seed}: harmful activation: {each.name} ({each.family}) would act wrongly "
            f"in {len(each.wrong)} of {len(each.wrong) + each.right} incidents, as in "
            f"{', '.join(each.wrong[:3])}"
            for each in score.harmful
        ]
        if not score.is_broken_fix_out:
            found.append(f"seed {score.seed}: the fix that stopped working: {score.broke}")
        found += [f"seed {score.seed}: a faulty runbook file: {each}" for each in score.faults[:1]]
    return found


def _figures(scores: Sequence[Score]) -> Iterator[str]:
    counted = [f for s in scores for f in s.counted]
    met = [f for f in counted if f.is_met]
    learned = [each for s in scores for each in s.learned]
    shown = [each for each in learned if each.was_shown]
    active = [each for each in learned if each.was_active]
    yield (
        f"  families with one consistent fix, proposed at the third credited repeat: "
        f"{len(met)} of {len(counted)}{_percent(_share_met(scores))}"
    )
    yield f"  harmful activations: {sum(len(s.harmful) for s in scores)} of {len(active)}"
    stopped = [each for each in shown if each.is_wrong and not each.was_active]
    yield f"  wrong proposals that were shown and never ran unattended: {len(stopped)}"
    lucky = [each for each in learned if each.is_approved and not each.is_wrong]
    unlucky = [each for each in lucky if each.suspended_at is not None and not each.is_broken]
    yield f"  right ones suspended by bad luck: {len(unlucky)} of {len(lucky)}"
    split = [each for each in shown if each.separated_by]
    right = sum(not each.is_wrong for each in split)
    yield f"  families split by a finding: {len(split)}, rightly {right}"
    refused = Counter(each.reason for each in learned if not each.was_shown)
    yield f"  refused before anybody saw them: {_counted(refused)}"
    yield f"  right plans run: {_sum(s.right_acts for s in scores)}"
    yield (
        f"  plans run that were not right: {_sum(s.harmful_acts for s in scores)}; "
        f"damage that followed: {_sum(s.damage for s in scores)}"
    )
    months = range(max(len(s.pages) for s in scores))
    shares = [[s.absorbed[m] for s in scores if m < len(s.absorbed)] for m in months]
    known = [[each for each in month if each is not None] for month in shares]
    yield "  absorbed by month: " + " ".join(
        f"{sum(month) / len(month):.0%}" if month else "-" for month in known
    )
    pages = [sum(s.pages[m] for s in scores if m < len(s.pages)) for m in months]
    yield "  pages by month: " + " ".join(f"{each / len(scores):.0f}" for each in pages)
    right_said = sum(f.credited_right for s in scores for f in s.families)
    truly = sum(f.truly_right for s in scores for f in s.families)
    wrong_said = sum(f.credited_wrong for s in scores for f in s.families)
    yield (
        f"  people did what is right {truly} times, credited of these {right_said}; "
        f"credited wrongly {wrong_said}"
    )


def _families(score: Score) -> Iterator[str]:
    by_family: dict[str, list[Learned]] = {}
    for each in score.learned:
        by_family.setdefault(each.family, []).append(each)
    for family in score.families:
        yield f"  {family.id:4}{family.sort.value:44}{_told(family)}"
        for each in by_family.get(family.id, []):
            yield f"       {_outcome(each)}"
    for each in by_family.get("?", []):
        yield f"  ?   {_outcome(each)}"


def _told(family: FamilyScore) -> str:
    text = (
        f"{family.incidents:4} incidents, credited {family.credited_right} of {family.truly_right}"
    )
    if family.credited_wrong:
        text += f" (and {family.credited_wrong} wrongly)"
    if family.is_counted:
        text += ", in time" if family.is_met else f", MISSED: {family.why}"[:LONGEST]
    elif family.sort in (Sort.CONSISTENT, Sort.BREAKING):
        text += ", not often enough"
    return text


def _outcome(each: Learned) -> str:
    if not each.was_shown:
        return f"{each.state} {each.reason}: {each.text}"[:LONGEST]
    text = f"{each.state} {each.lifecycle}"
    if each.was_active and each.lifecycle != "active":
        text += " (was active)"
    text += f", right in {each.right}, wrong in {len(each.wrong)}"
    if each.separated_by:
        text += f", split by {each.separated_by}"
    if each.suspended_at is not None:
        text += ", suspended"
    if each.not_clean and not each.was_active:
        text += f"; not at once: {each.not_clean[0]}"
    return text[: LONGEST + 50]


def _share_met(scores: Sequence[Score]) -> float | None:
    counted = [f for s in scores for f in s.counted]
    return sum(f.is_met for f in counted) / len(counted) if counted else None


def _percent(share: float | None) -> str:
    return "" if share is None else f" ({share:.0%})"


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {found[name]}" for name in sorted(found)) or "none"


def _sum(counts: Iterator[Mapping[str, int]]) -> str:
    found: Counter[str] = Counter()
    for each in counts:
        found.update(each)
    return _counted(found)
