"""What the oracle says of one seed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.model.learning import PromotionState
from agent.model.policy import Learning
from tests.proof.learning.words import Sort


class Learned(msgspec.Struct, kw_only=True):
    """One proposal, and what is true of it."""

    name: str
    family: str
    at: float
    state: str = ""
    reason: str = ""
    text: str = ""
    lifecycle: str = ""
    separated_by: str = ""
    was_shown: bool = False
    was_active: bool = False
    active_at: float | None = None
    suspended_at: float | None = None
    right: int = 0
    """Incidents of the whole time in which it would act, rightly."""
    wrong: tuple[str, ...] = ()
    """Those in which what it would do is not right, each with the cause."""
    not_clean: tuple[str, ...] = ()

    is_broken: bool = False
    """It is about the fix that stops working."""
    damage: int = 0
    """Damage that followed on what it did unattended."""

    @property
    def is_approved(self) -> bool:
        return self.state == PromotionState.APPROVED.value

    @property
    def is_wrong(self) -> bool:
        """Whether it is wrong more often than the quality that its tier promises lets it be."""
        all_ = self.right + len(self.wrong)
        return bool(all_) and len(self.wrong) / all_ > 1 - Learning().quality_low

    @property
    def is_harmful(self) -> bool:
        """It ran, or could run, unattended, and what it does is not right for what it matches."""
        return self.was_active and (self.is_wrong or self.damage > 0)


class FamilyScore(msgspec.Struct, kw_only=True):
    id: str
    sort: Sort
    incidents: int = 0
    truly_right: int = 0
    """Distinct incidents in which people did what is right."""
    credited_right: int = 0
    credited_wrong: int = 0
    """Credited, though the act was not right."""
    third_at: float | None = None
    """When the third right like resolution was credited."""
    proposed_at: float | None = None
    is_counted: bool = False
    is_met: bool = False
    why: str = ""


class Score(msgspec.Struct, kw_only=True):
    seed: int
    days: int
    incidents: int = 0
    families: list[FamilyScore] = []
    learned: list[Learned] = []
    harmful_acts: Mapping[str, int] = {}
    """Acts of the agent that were not right, by lifecycle state."""
    damage: Mapping[str, int] = {}
    """Of those, damage that followed."""
    right_acts: Mapping[str, int] = {}
    absorbed: list[float | None] = []
    """Share by month."""
    pages: list[int] = []
    broke: str = ""
    """What became of the fix that stopped working."""
    is_broken_fix_out: bool = True
    faults: list[str] = []

    @property
    def counted(self) -> list[FamilyScore]:
        return [f for f in self.families if f.is_counted]

    @property
    def met(self) -> list[FamilyScore]:
        return [f for f in self.counted if f.is_met]

    @property
    def harmful(self) -> list[Learned]:
        return [each for each in self.learned if each.is_harmful]
