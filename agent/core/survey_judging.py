"""What a survey found, made of what it gathered: each blind spot with its owner and its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.core.blind_spots import owner_of
from agent.core.cleaning import clean_text
from agent.core.identify import identify
from agent.core.survey_past import of_alerts, of_runbooks
from agent.core.survey_seen import Gathered, PrometheusSeen
from agent.core.survey_spot import Part, part_of, spot
from agent.core.view import View
from agent.model.alert import Alert, AlertStatus, Layer
from agent.model.event import SurveyTaken
from agent.model.product import EntityKind, LeadershipMetric, Product
from agent.model.signals import BlindSpot, BlindSpotKind

WATCHDOGS = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch"})
"""Alerts that are meant to fire always, and to wake nobody."""
LONG_SECONDS = 900.0
"""What fires for so long would have arrived."""
MOST_FINDINGS = 2_000
"""Of one survey; more are not told apart from these."""
LONGEST_NAME = 100


def survey_of(seen: Gathered, view: View) -> SurveyTaken:
    """The event of this survey."""
    looked: list[str] = []
    missed: list[str] = []
    could_not: list[str] = []
    found: list[BlindSpot] = []

    def take(part: str, spots: Iterator[BlindSpot] | None) -> None:
        if spots is None:
            missed.append(part)
            return
        looked.append(part)
        room = MOST_FINDINGS - len(found)
        for at, one in enumerate(spots):
            if at >= room:  # what is behind is not known to be gone
                looked.remove(part)
                missed.append(part)
                break
            found.append(one)

    for one in seen.prometheus:
        could_not += [f"{one.place}: {why}" for why in one.could_not]
        take(part_of(Part.RULES, one.place), _broken_rules(one, seen, view))
        take(part_of(Part.METRICS, one.place), _blind_rules(one, seen, view))
        take(part_of(Part.TARGETS, one.place), _targets(one, seen, view))
        take(part_of(Part.ALERTS, one.place), _unheard(one, seen, view))
    if seen.past is None:
        could_not.append(f"the past: {seen.past_why}")
    are_all_read = all(one.rules is not None for one in seen.prometheus)
    is_known = are_all_read and seen.past is not None
    take(Part.PAST, of_alerts(seen, view))
    take(Part.RUNBOOKS, of_runbooks(seen, view))
    take(Part.PRODUCTS, _uncovered(seen, view) if is_known else None)
    take(Part.SOURCES, _silent_sources(seen, view))
    take(Part.MEMBERS, _silent_members(seen, view))
    take(Part.MEASURES, _unread_metrics(seen, view))
    take(Part.FILES, _faulty_files(seen, view))
    take(Part.SURVEY, _not_surveyed(seen, view))
    return SurveyTaken(
        at=seen.at,
        seconds=seen.seconds,
        looked=tuple(looked),
        missed=tuple(missed),
        found=tuple(found),
        could_not=tuple(clean_text(why, longest=300)[0] for why in could_not),
        runbooks=tuple(book.name for book in view.runbooks.runbooks),
    )


def _named(name: str, one: PrometheusSeen, seen: Gathered) -> str:
    """With the place where there are several, since each is looked at for itself."""
    name, _ = clean_text(name, longest=LONGEST_NAME)
    return f"{name} at {one.place}" if len(seen.prometheus) > 1 else name


def about(labels: Mapping[str, str], view: View) -> tuple[str | None, str]:
    """Product and entity that labels speak of; None and empty where the registry knows neither."""
    alert = Alert(
        source="", fingerprint="", status=AlertStatus.FIRING, labels=labels, starts_at=0.0
    )
    found = identify(alert, view.registry, view.inventory)
    return found.product, found.entity or ""


def _broken_rules(one: PrometheusSeen, seen: Gathered, view: View) -> Iterator[BlindSpot] | None:
    if one.rules is None:
        return None
    return (
        spot(
            view,
            seen.at,
            by=part_of(Part.RULES, one.place),
            kind=BlindSpotKind.RULE_BROKEN,
            subject=_named(f"{rule.group}/{rule.name}", one, seen),
            text=f"Prometheus cannot evaluate it: {rule.error}",
            remedy="mend its expression (`promtool check rules`); until then it never fires",
            about=about(rule.labels, view),
        )
        for rule in one.rules
        if rule.error
    )


def _blind_rules(one: PrometheusSeen, seen: Gathered, view: View) -> Iterator[BlindSpot] | None:
    if one.blind is None:
        return None
    return (
        spot(
            view,
            seen.at,
            by=part_of(Part.METRICS, one.place),
            kind=BlindSpotKind.METRIC_VANISHED,
            subject=_named(f"{b.rule.group}/{b.rule.name}", one, seen),
            text=f"nothing reports {', '.join(b.missing)}, so the rule never fires",
            remedy="bring back what reports it, or mend or delete the rule; where no data is a"
            " symptom, write a rule with absent()",
            about=about(b.rule.labels, view),
        )
        for b in one.blind
    )


def _targets(one: PrometheusSeen, seen: Gathered, view: View) -> Iterator[BlindSpot] | None:
    if one.targets is None:
        return None
    return (
        spot(
            view,
            seen.at,
            by=part_of(Part.TARGETS, one.place),
            kind=BlindSpotKind.TARGET_WITHOUT_DATA,
            subject=_named(f"{target.job}/{target.instance}", one, seen),
            text=target.why,
            remedy="see that it runs and exposes metrics, or take the target out of the"
            " configuration of Prometheus",
            about=about({"job": target.job, "instance": target.instance}, view),
        )
        for target in one.targets
    )


def _unheard(one: PrometheusSeen, seen: Gathered, view: View) -> Iterator[BlindSpot] | None:
    """Alerts that fire there and never came in here."""
    if one.firing is None or seen.past is None:
        return None
    heard = {state.name for i in view.incidents.values() for state in i.alerts.values()}
    heard |= seen.past.names | WATCHDOGS | {view.policy.rails.watchdog}
    unheard = {
        alert.name: alert
        for alert in one.firing
        if alert.name not in heard
        and alert.seconds >= LONG_SECONDS
        and alert.labels.get("severity") != "none"
    }
    return (
        spot(
            view,
            seen.at,
            by=part_of(Part.ALERTS, one.place),
            kind=BlindSpotKind.UNSEEN_ALERT,
            subject=_named(name, one, seen),
            text="it fires there, and no message of it ever came in here",
            remedy="see the routes of Alertmanager (a receiver without Homeostat, an inhibition or"
            " a silence), and `alerting:` of this Prometheus",
            about=about(alert.labels, view),
        )
        for name, alert in sorted(unheard.items())
    )


def _uncovered(seen: Gathered, view: View) -> Iterator[BlindSpot]:
    """A product that has no agents needs none of them watched: then there is no machinery to be
    blind for, and only the other two layers are asked of it."""
    assert seen.past is not None
    rules = [r.labels for one in seen.prometheus for r in one.rules or () if r.is_alerting]
    spoken_of = {about(labels, view)[0] for labels in (*rules, *seen.probed)}
    for product in view.registry.products.values():
        has_product = (
            product.name in spoken_of
            or (product.name, Layer.PRODUCT) in seen.past.heard
            or any(slo.sli is not None for slo in product.slos)
        )
        agents = _agents_of(product, view)
        unwatched = [name for name, beats in agents.items() if not beats]
        has_outcome = product.leadership_metric is not None
        if not has_product and not has_outcome and len(unwatched) == len(agents):
            yield _uncovered_spot(
                product, "", "no signal of any layer: it could fail and nobody would know",
                "begin with one service level objective (`slos:`), then its leadership metric",
                seen, view,
            )  # fmt: skip
            continue
        if not has_product:
            yield _uncovered_spot(
                product, "product", "no objective, probe, rule or alert speaks of it",
                "declare `slos:` with an `sli:`, or label its rules with `product`", seen, view,
            )  # fmt: skip
        if unwatched:
            yield _uncovered_spot(
                product, "machinery", f"no heartbeat is declared of {', '.join(unwatched[:10])}",
                "declare `heartbeat:` for each sub-agent and proxy", seen, view,
            )  # fmt: skip
        if not has_outcome:
            yield _uncovered_spot(
                product, "outcome", "no leadership metric: it could be green and fail its users",
                "declare `leadership_metric:`, the number that says it does its work", seen, view,
            )  # fmt: skip


def _agents_of(product: Product, view: View) -> dict[str, bool]:
    """Its sub-agents and proxies, with whether a beat is expected of each."""
    return {
        e.name: e.heartbeat_seconds is not None
        for e in view.registry.entities_of(product.name)
        if e.kind is EntityKind.AGENT
    }


def _uncovered_spot(
    product: Product, layer: str, text: str, remedy: str, seen: Gathered, view: View
) -> BlindSpot:
    return spot(
        view,
        seen.at,
        by=Part.PRODUCTS,
        kind=BlindSpotKind.UNCOVERED,
        subject=f"{product.name}/{layer}" if layer else product.name,
        text=text,
        remedy=remedy,
        about=(product.name, ""),
    )


def _silent_sources(seen: Gathered, view: View) -> Iterator[BlindSpot]:
    for name, signs in view.sources.items():
        if signs.firing_since is not None:
            hours = max(0.0, seen.at - signs.firing_since) / 3600.0
            yield spot(
                view,
                seen.at,
                by=Part.SOURCES,
                kind=BlindSpotKind.SOURCE_SILENT,
                subject=name,
                text=f"silent for {hours:.1f} h: its alerts would not be heard",
                remedy="see that it runs and can be reached, or take it out of `sources`",
            )


def _silent_members(seen: Gathered, view: View) -> Iterator[BlindSpot]:
    for entity in view.registry.entities.values():
        signs = view.agents.get(entity.name)
        if entity.heartbeat_seconds is None or (signs is not None and signs.beats > 0):
            continue
        yield spot(
            view,
            seen.at,
            by=Part.MEMBERS,
            kind=BlindSpotKind.MEMBER_SILENT,
            subject=entity.name,
            text="registered with a heartbeat, and never heard of",
            remedy=f"let it beat (over MQTT on heartbeats/{entity.name} below the `root` of the"
            " source `mqtt`, or as a CloudEvent), or take it out of the registry",
            about=(entity.product, entity.name),
        )


def _unread_metrics(seen: Gathered, view: View) -> Iterator[BlindSpot]:
    for product in view.registry.products.values():
        metric, signs = product.leadership_metric, view.measures.get(product.name)
        if metric is None:
            continue
        # Where nothing was ever read, what watches it keeps a row of another metric, or none.
        if signs is not None and signs.metric == metric.name and signs.last_at > 0.0:
            continue
        yield spot(
            view,
            seen.at,
            by=Part.MEASURES,
            kind=BlindSpotKind.METRIC_VANISHED,
            subject=f"{product.name}/{metric.name}",
            text="this leadership metric was never read",
            remedy=_read_by(metric),
            about=(product.name, ""),
        )


def _read_by(metric: LeadershipMetric) -> str:
    """What is to be done so that it is read."""
    if metric.query:
        return (
            "see that `sources` has a `prometheus.readings`, and what its `query` finds in"
            " Prometheus (docs/outcomes.md)"
        )
    return "give it a `query:`, or let the product report it (docs/outcomes.md)"


def _faulty_files(seen: Gathered, view: View) -> Iterator[BlindSpot]:
    for where, what, remedy in seen.faults:
        yield spot(
            view,
            seen.at,
            by=Part.FILES,
            kind=BlindSpotKind.REGISTRY_FAULTY,
            subject=where,
            text=what,
            remedy=remedy or "`homeostat check` says what is wrong",
        )


def _not_surveyed(seen: Gathered, view: View) -> Iterator[BlindSpot]:
    failed = {one.place: "; ".join(dict.fromkeys(one.could_not)) for one in seen.prometheus}
    if seen.past is None:
        failed["the past"] = seen.past_why
    for place, why in failed.items():
        if why:
            yield spot(
                view,
                seen.at,
                by=Part.SURVEY,
                kind=BlindSpotKind.NOT_SURVEYED,
                subject=place,
                text=f"it could not be looked at: {why}",
                remedy="what was found there before stays as it was; mend this, then"
                " `homeostat blindspots --now`",
                owner=owner_of(view, product=None),
            )
