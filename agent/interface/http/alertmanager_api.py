"""Alertmanager API v2, the part people's tools ask: amtool and dashboards work unchanged.

Shapes are those of Alertmanager's openapi.yaml. Alerts are what is firing in open incidents; a
silence's author is the proven principal, whatever name the tool sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from agent import __version__
from agent.catalog.matchers import BadMatcher, parse_matcher
from agent.core.bounded_regex import LONGEST_REGEX, REGEX_REMEDY
from agent.core.foreign_silences import is_foreign as is_foreign_silence
from agent.core.foreign_silences import own_id
from agent.core.silence import covers, is_usable
from agent.core.view import View
from agent.interface.http.replies import Refused
from agent.interface.times import from_rfc3339, rfc3339
from agent.model.alert import AlertStatus
from agent.model.incident import AlertState, Incident
from agent.model.principal import Principal
from agent.model.records import Silence, SilenceMatcher

REPEATED_WITHIN_SECONDS = 300.0
"""A firing alert must have an end in this API; where its source set none, it is so far off."""
LONGEST_TEXT = 1000


class MatcherBody(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class SilenceBody(msgspec.Struct, rename="camel"):
    matchers: list[MatcherBody]
    starts_at: str
    ends_at: str
    created_by: str
    comment: str
    id: str = ""


def parse_filters(filters: Iterable[str]) -> tuple[SilenceMatcher, ...]:
    """`name="value"`, `!=`, `=~`, `!~`. Raises Refused (400) where one cannot be read."""
    try:
        return tuple(parse_matcher(text) for text in filters)
    except BadMatcher as error:
        raise Refused(400, str(error), remedy=error.remedy) from None


def labels_agree(matchers: Sequence[SilenceMatcher], labels: Mapping[str, str]) -> bool:
    if not matchers:
        return True
    asked = Silence(
        id="",
        matchers=tuple(matchers),
        starts_at=0.0,
        ends_at=1.0,
        created_by="",
        comment="",
        updated_at=0.0,
    )
    return covers(asked, labels, 0.0)


def alert_body(incident: Incident, alert: AlertState, *, now: float) -> dict[str, Any]:
    silenced = [incident.silenced_by.rpartition("/")[2]] if incident.silenced_by else []
    speaker = (incident.inhibited_by or "").rpartition("/")[2]
    inhibited = [by for by in (incident.held_by, speaker) if by]
    ends_at = alert.ends_at or alert.expires_at or now + REPEATED_WITHIN_SECONDS
    return {
        "annotations": dict(alert.annotations),
        "endsAt": rfc3339(ends_at),
        "fingerprint": alert.identity.rpartition("/")[2],
        "receivers": [{"name": incident.routed_to or "homeostat"}],
        "startsAt": rfc3339(alert.starts_at),
        "status": {
            "inhibitedBy": inhibited,
            "silencedBy": silenced,
            "state": "suppressed" if silenced or inhibited else "active",
        },
        "updatedAt": rfc3339(alert.seen_at or incident.updated_at),
        "generatorURL": alert.generator_url,
        "labels": dict(alert.labels),
    }


def _is_wanted(body: Mapping[str, Any], flags: Mapping[str, bool]) -> bool:
    status = body["status"]
    if status["silencedBy"] and not flags.get("silenced", True):
        return False
    if status["inhibitedBy"] and not flags.get("inhibited", True):
        return False
    return status["state"] != "active" or flags.get("active", True)


def alerts_of(
    incident: Incident,
    matchers: Sequence[SilenceMatcher],
    *,
    flags: Mapping[str, bool],
    receiver: str,
    now: float,
) -> list[dict[str, Any]]:
    """The firing alerts of one open incident that the query asks for."""
    if not labels_agree(
        (SilenceMatcher(name="receiver", value=receiver, is_regex=True),) if receiver else (),
        {"receiver": incident.routed_to or "homeostat"},
    ):
        return []
    bodies = [
        alert_body(incident, alert, now=now)
        for alert in incident.alerts.values()
        if alert.status is AlertStatus.FIRING and labels_agree(matchers, alert.labels)
    ]
    return [b for b in bodies if _is_wanted(b, flags)]


def group_body(incident: Incident, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """One incident as one group: its labels are those all of its alerts share."""
    first = alerts[0]["labels"]
    shared = {k: v for k, v in first.items() if all(a["labels"].get(k) == v for a in alerts)}
    return {
        "labels": shared,
        "receiver": {"name": incident.routed_to or "homeostat"},
        "alerts": alerts,
    }


def silence_body(silence: Silence, *, now: float) -> dict[str, Any]:
    state = "active"
    if silence.ends_at <= now:
        state = "expired"
    elif silence.starts_at > now:
        state = "pending"
    return {
        "id": own_id(silence),
        "status": {"state": state},
        "updatedAt": rfc3339(silence.updated_at),
        "comment": f"{silence.comment} (set in {silence.source})"
        if is_foreign_silence(silence)
        else silence.comment,
        "createdBy": silence.created_by,
        "endsAt": rfc3339(silence.ends_at),
        "startsAt": rfc3339(silence.starts_at),
        "matchers": [
            {"name": m.name, "value": m.value, "isRegex": m.is_regex, "isEqual": m.is_equal}
            for m in silence.matchers
        ],
    }


def silence_named(view: View, silence_id: str) -> Silence | None:
    """By its id here, or by the one it has in the Alertmanager it was set in."""
    found = view.silences.get(silence_id)
    if found is not None:
        return found
    return next((s for s in view.silences.values() if own_id(s) == silence_id), None)


def refuse_foreign(silence: Silence) -> None:
    """A silence read from an Alertmanager would be back with its next reading."""
    if is_foreign_silence(silence):
        where = silence.source.partition(":")[2]
        raise Refused(
            409,
            f"the silence was set in {silence.source} and is only read here",
            remedy=f"end it there: amtool silence expire {own_id(silence)} against {where}",
        )


def silence_matches(silence: Silence, wanted: Sequence[SilenceMatcher]) -> bool:
    """As in Alertmanager: the filter is held against the silence's matchers as if labels."""
    return labels_agree(wanted, {m.name: m.value for m in silence.matchers})


def read_silence(body: bytes, *, who: Principal, now: float) -> tuple[Silence, str]:
    """The silence a person asks for, and the id of the one it replaces (or nothing).

    Raises Refused (400, 403)."""
    try:
        asked = msgspec.json.decode(body, type=SilenceBody)
        starts_at = max(now, from_rfc3339(asked.starts_at))
        ends_at = from_rfc3339(asked.ends_at)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Refused(
            400, str(error), remedy="the shape is Alertmanager's postableSilence"
        ) from None
    matchers = tuple(
        SilenceMatcher(name=m.name, value=m.value, is_regex=m.is_regex, is_equal=m.is_equal)
        for m in asked.matchers
    )
    if ends_at <= starts_at:
        raise Refused(400, "the silence ends before it starts", remedy="set endsAt later")
    _check_matchers(matchers)
    check_products(matchers, who)
    words = msgspec.json.encode((sorted(msgspec.to_builtins(matchers), key=str), who.name))
    words += f"{asked.starts_at}|{asked.ends_at}|{asked.comment}".encode()
    silence = Silence(
        id=str(UUID(bytes=hashlib.sha256(words).digest()[:16], version=5)),
        matchers=matchers,
        starts_at=starts_at,
        ends_at=ends_at,
        created_by=who.name,
        comment=asked.comment[:LONGEST_TEXT],
        updated_at=now,
    )
    return silence, asked.id


def _check_matchers(matchers: Sequence[SilenceMatcher]) -> None:
    for matcher in matchers:
        if not matcher.name or not is_usable(matcher):
            raise Refused(
                400,
                f"the matcher {matcher.name}=~{matcher.value!r} is no bounded regular expression",
                remedy=f"{REGEX_REMEDY}; at most {LONGEST_REGEX} characters",
            )
    if all(labels_agree((m,), {}) for m in matchers):
        raise Refused(
            400,
            "the silence would cover everything",
            remedy="at least one matcher must not match the empty value",
        )


def check_products(matchers: Sequence[SilenceMatcher], who: Principal) -> None:
    """A person limited to products may silence (and end silences of) those only."""
    if not who.products:
        return
    named = _products_named(matchers)
    if not named or not named <= who.products:
        raise Refused(
            403,
            f"{who.name} may silence only {', '.join(sorted(who.products))}",
            remedy='add the matcher product="NAME"',
        )


def is_foreign(matchers: Sequence[SilenceMatcher], who: Principal) -> bool:
    """Whether it speaks only of products this person does not belong to. One that names none may
    lie over theirs as well, so they see it."""
    named = _products_named(matchers)
    return bool(who.products and named) and named.isdisjoint(who.products)


def _products_named(matchers: Sequence[SilenceMatcher]) -> frozenset[str]:
    return frozenset(
        m.value for m in matchers if m.name == "product" and m.is_equal and not m.is_regex
    )


def status_body(*, started_at: float) -> dict[str, Any]:
    return {
        "cluster": {"status": "disabled", "name": "", "peers": []},
        "config": {"original": ""},
        "uptime": rfc3339(started_at),
        "versionInfo": {
            "branch": "",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": "",
            "version": f"homeostat {__version__}",
        },
    }


def receivers(view: View, who: Principal) -> list[dict[str, str]]:
    """Who is told. Builders of nothing but products this person does not belong to are left out."""
    products = view.registry.products.values()
    own = {p.builder for p in products if not who.products or p.name in who.products}
    foreign = {p.builder for p in products} - own
    return [{"name": name} for name in sorted({*view.channels, "homeostat"} - foreign)]
