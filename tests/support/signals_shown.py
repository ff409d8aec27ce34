"""A view in which each layer has something wrong, something unknown and something well, for the
pages that show it. Series are made by the same functions as in a running daemon."""

from __future__ import annotations

import math

import msgspec

from agent.core import drift, motion
from agent.core.view import View
from agent.model.product import Entity, EntityKind, LeadershipMetric, Product, Registry, Sli, Slo
from agent.model.records import AgentSigns, ChangeRecord, MeasureSigns
from agent.model.series import DriftState, MotionSeries, OpenBin
from agent.model.signals import (
    Aspect,
    Baseline,
    BlindSpot,
    BlindSpotKind,
    ChangeKind,
    Member,
    Mode,
    Motion,
    SloSigns,
    SurveySigns,
)
from tests.support.facade import NOW

DAY = 86_400.0
ERRORS = Baseline(aspect=Aspect.ERRORS, mean=0.01, spread=0.004)
LATENCY = Baseline(aspect=Aspect.LATENCY, mean=2.0)
TOKENS = Baseline(aspect=Aspect.TOKENS, mean=1200.0)
ORDERS = LeadershipMetric(
    name="orders_total",
    motion=Motion(cadence_seconds=6 * 3600.0, season_seconds=DAY),
    query="sum(orders_total)",
)


def series_of(
    metric: LeadershipMetric,
    *,
    days: float = 6.0,
    stalls_for: float = 0.0,
    gap: tuple[float, float] | None = None,
) -> tuple[MotionSeries, OpenBin]:
    """Read every five minutes until now, with a daily season; nothing more was counted for the last
    `stalls_for` seconds, and nothing was read in `gap` (seconds before now)."""
    series: MotionSeries | None = None
    opened: OpenBin | None = None
    total, at = 10_000.0, NOW - days * DAY
    while at <= NOW:
        if at < NOW - stalls_for:
            total += round(14 + 10 * math.sin(at / DAY * 2 * math.pi) + 2 * math.sin(at / 7000))
        if gap is None or not gap[1] <= NOW - at <= gap[0]:
            series, opened = motion.take(series, opened, metric, at=at, value=total)
        at += 300.0
    assert series is not None
    assert opened is not None
    return series, opened


def drift_of(baseline: Baseline, *, windows: int = 140, off: float = 0.0) -> DriftState:
    """Of windows of five minutes; the last 40 of them are off by so many spreads."""
    state: DriftState | None = None
    spread = baseline.spread or baseline.mean * 0.1
    for number in range(windows):
        value = baseline.mean + spread * (math.sin(number * 2.1) + (number > windows - 40) * off)
        at = NOW - (windows - number) * 300.0
        state = drift.take(state, baseline, at=at, value=max(0.0, value), weight=50.0)
    assert state is not None
    firing = state.off_since if state.is_drifting else None
    return msgspec.structs.replace(state, firing_since=firing)


def show(view: View, *, name: str = "shop", other: str = "pay") -> View:
    """Fills it. `name` is the product with most of it, and may be anything."""
    query = Sli(bad="rate(b[$window])", total="rate(t[$window])")
    slos = tuple(
        Slo(name=slo, journey=f"people {slo}", objective=0.999, sli=query)
        for slo in ("buy", "search", "deliver")
    )
    frozen = Member(version="1.4.2", config_hash="7e10", baselines=(ERRORS, LATENCY, TOKENS))
    view.registry = Registry(
        products={
            name: Product(
                name=name, builder=f"team-{name}", tier="low", slos=slos, leadership_metric=ORDERS
            ),
            other: Product(
                name=other, builder=f"team-{other}", tier="high", slos=slos[:1],
                leadership_metric=ORDERS,
            ),
            "bare": Product(name="bare", builder="team-bare", tier="low"),
        },
        entities={
            who: Entity(
                name=who, kind=EntityKind.AGENT, product=of, owner=f"team-{of}",
                heartbeat_seconds=10.0, member=frozen,
            )
            for who, of in (("picker", name), ("packer", name), ("never", name), ("payer", other))
        },
    )  # fmt: skip
    _objectives(view, name, other)
    _machinery(view)
    _outcomes(view, name, other)
    _spots(view, name, other)
    return view


def _objectives(view: View, name: str, other: str) -> None:
    def told(product: str, slo: str, left: float, fastest: float) -> SloSigns:
        spent_since = NOW - 7200 if left < 0 else None
        burn = {"5m": fastest, "1h": fastest * 0.9, "6h": fastest / 2, "3d": fastest / 9}
        return SloSigns(
            product=product, slo=slo, last_at=NOW - 30, bad=0.001, events=5000.0, burn=burn,
            spent=1.0 - left, spent_since=spent_since,
        )  # fmt: skip

    view.objectives = {
        f"{name}/buy": told(name, "buy", -0.31, 15.2),
        f"{name}/search": told(name, "search", 0.83, 0.4),
        f"{other}/buy": told(other, "buy", 0.18, 1.3),
    }


def _machinery(view: View) -> None:
    def beat(who: str, **fields: object) -> AgentSigns:
        told: dict[str, object] = {
            "agent": who, "last_at": NOW - 4, "alive": True, "version": "1.4.2", "work": 40.0,
            "worked_at": NOW - 60, "config_hash": "7e10", "mode": Mode.ACT, **fields,
        }  # fmt: skip
        return msgspec.convert(told, AgentSigns)

    view.agents = {
        "picker": beat("picker", mode=Mode.OBSERVE, version="1.4.1", unpinned_since=NOW - 900),
        "packer": beat("packer"),
        "payer": beat("payer", last_at=NOW - 90, firing_since=NOW - 60),
    }
    view.drifts = {
        "picker/errors": drift_of(ERRORS, off=3.0),
        "picker/latency": drift_of(LATENCY),
        "packer/errors": drift_of(ERRORS),
        "packer/latency": drift_of(LATENCY, windows=20),
    }


def _outcomes(view: View, name: str, other: str) -> None:
    stood, stood_open = series_of(ORDERS, stalls_for=9 * 3600.0)
    goes, goes_open = series_of(ORDERS, gap=(40 * 3600.0, 31 * 3600.0))
    view.motions = {name: stood, other: goes}
    view.measures = {
        name: MeasureSigns(
            product=name, metric="orders_total", value=stood_open.last or 0.0,
            moved_at=NOW - 9 * 3600, last_at=NOW, open=stood_open, firing_since=NOW - 3600,
        ),
        other: MeasureSigns(
            product=other, metric="orders_total", value=goes_open.last or 0.0,
            moved_at=NOW - 300, last_at=NOW, open=goes_open,
        ),
    }  # fmt: skip

    def changed(entity: str, at: float, kind: ChangeKind, version: str) -> ChangeRecord:
        return ChangeRecord(
            product=name, entity=entity, what="deployed", by="argocd", at=at, kind=kind,
            version=version, before="1.4.1",
        )  # fmt: skip

    view.changes = {
        "picker": (
            changed("picker", NOW - 3 * DAY, ChangeKind.CONFIGURATION, "c-7"),
            changed("picker", NOW - 10 * 3600, ChangeKind.RELEASE, "1.4.2"),
        )
    }


def _spots(view: View, name: str, other: str) -> None:
    def spot(kind: BlindSpotKind, subject: str, owner: str, product: str | None) -> BlindSpot:
        return BlindSpot(
            kind=kind, subject=subject, owner=owner, product=product, text="it is not known",
            remedy="bring it back", since=NOW - 3 * DAY, last_at=NOW - 3600,
        )  # fmt: skip

    found = (
        spot(BlindSpotKind.METRIC_VANISHED, f"{name}/OrdersStall", f"team-{name}", name),
        spot(BlindSpotKind.MEMBER_SILENT, "never", f"team-{name}", name),
        spot(BlindSpotKind.UNCOVERED, "bare", "team-bare", "bare"),
        spot(BlindSpotKind.SOURCE_SILENT, "mqtt", "platform", None),
    )
    view.blind_spots = {f"{s.kind.value}/{s.subject}": s for s in found}
    could_not = ("rules of http://127.0.0.1:9090: it refused the connection",)
    view.surveys = {"survey": SurveySigns(at=NOW - 3600, seconds=1.25, could_not=could_not)}
