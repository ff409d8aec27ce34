"""The change failure rate: which releases count, and which of them failed."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.measure.releases import Releases, releases
from agent.model.records import ChangeRecord
from agent.model.signals import ChangeKind, ChangePhase

DAY = 86_400.0
NOW = 100 * DAY
SINCE = NOW - 30 * DAY
STARTED, DONE, FAILED, BACK = ChangePhase
RELEASE = ChangeRecord(
    product="shop", entity="web", what="deployed", by="ci", at=NOW - DAY, kind=ChangeKind.RELEASE
)


def release(days_ago: float, phase: ChangePhase = DONE, **fields: Any) -> ChangeRecord:
    return msgspec.structs.replace(RELEASE, at=NOW - days_ago * DAY, phase=phase, **fields)


def counted(*changes: ChangeRecord, most: int = 20) -> Releases | None:
    by_entity: dict[str, tuple[ChangeRecord, ...]] = {}
    for change in sorted(changes, key=lambda c: c.at):
        by_entity[change.entity] = (*by_entity.get(change.entity, ()), change)
    found = releases(by_entity, since=SINCE, most_kept=most)
    assert len(found) <= 1
    return found[0] if found else None


def test_the_share_of_releases_that_failed_or_were_rolled_back() -> None:
    found = counted(
        release(9), release(8, FAILED), release(7, BACK), release(6), release(1, STARTED)
    )
    assert found is not None
    assert (found.releases, found.failed, found.rolled_back, found.under_way) == (4, 1, 1, 1)
    assert found.failure_rate == 0.5
    assert [change.phase for change in found.broken] == [BACK, FAILED]


def test_what_is_no_release_does_not_count() -> None:
    configured = release(3, kind=ChangeKind.CONFIGURATION)
    by_hand = release(3, is_manual=True)
    assert counted(configured, by_hand, release(31), release(3, product="")) is None


def test_without_an_end_there_is_no_rate() -> None:
    found = counted(release(1, STARTED))
    assert found is not None
    assert found.failure_rate is None


def test_bringing_back_what_ran_before_is_no_release_of_its_own() -> None:
    bad = release(2, BACK, version="shop:2", before="shop:1", began_at=NOW - 2 * DAY - 300)
    back = release(2, DONE, version="shop:1", before="shop:2")
    found = counted(release(9, version="shop:1"), bad, back)
    assert found is not None
    assert (found.releases, found.rolled_back) == (2, 1)
    mended = release(1, DONE, version="shop:3", before="shop:2")
    found = counted(bad, back, mended)
    assert found is not None
    assert found.releases == 2, "a day later it is a release"


def test_where_not_all_is_kept_it_is_counted_from_when_all_is() -> None:
    known = [release(days) for days in (9, 8, 7)]
    other = msgspec.structs.replace(release(20, FAILED), entity="api")
    found = counted(*known, other, most=3)
    assert found is not None
    assert (found.since, found.releases, found.failed) == (NOW - 9 * DAY, 3, 0)
    found = counted(*known, other)
    assert found is not None
    assert (found.since, found.releases, found.failed) == (SINCE, 4, 1)


def test_products_are_counted_for_themselves() -> None:
    other = msgspec.structs.replace(release(1, FAILED), entity="till", product="pay")
    found = releases({"web": (release(1),), "till": (other,)}, since=SINCE, most_kept=20)
    assert [(one.product, one.failure_rate) for one in found] == [("pay", 1.0), ("shop", 0.0)]
