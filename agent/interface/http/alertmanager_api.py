"""Alertmanager API v2, the part people's tools ask: amtool and dashboards work unchanged.

Shapes are those of Alertmanager's openapi.yaml. Alerts are what is firing in open incidents; a
silence's author is the proven principal, whatever name the tool sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from agent import __version__
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
_FILTER = re.compile(r'\s*"?([a-zA-Z_][a-zA-Z0-9_.:-]*)"?\s*(=~|!~|!=|=)\s*(.*?)\s*', re.DOTALL)


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
    found = []
    for text in filters:
        match = _FILTER.fullmatch(text)
        if match is None:
            raise Refused(400, f"bad matcher {text!r}", remedy='write name="value"')
        name, operator, value = match.groups()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        matcher = SilenceMatcher(
            name=name, value=value, is_regex="~" in operator, is_equal=operator[0] == "="
        )
        if not is_usable(matcher):
            raise Refused(400, f"{value!r} is no bounded regular expression", remedy="simplify it")
        found.append(matcher)
    return tuple(found)


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
    silenced = [incident.silenced_by] if incident.silenced_by else []
    inhibited = [incident.held_by] if incident.held_by else []
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
        "id": silence.id,
        "status": {"state": state},
        "updatedAt": rfc3339(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": rfc3339(silence.ends_at),
        "startsAt": rfc3339(silence.starts_at),
        "matchers": [
            {"name": m.name, "value": m.value, "isRegex": m.is_regex, "isEqual": m.is_equal}
            for m in silence.matchers
        ],
    }


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
                remedy="no nested repeats, back references or extensions; at most 256 characters",
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
    named = {m.value for m in matchers if m.name == "product" and m.is_equal and not m.is_regex}
    if not named or not named <= who.products:
        raise Refused(
            403,
            f"{who.name} may silence only {', '.join(sorted(who.products))}",
            remedy='add the matcher product="NAME"',
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


def receivers(view: View) -> list[dict[str, str]]:
    return [{"name": name} for name in sorted({*view.channels, "homeostat"})]
