"""PagerDuty's Events API v2: `/v2/enqueue` and `/v2/change/enqueue`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.recording.provider import Clock, Provider, Verdict, Window, is_link, is_text
from tests.support.recording.provider import parsed as parse

BODY_MOST = 512 * 1024
SEVERITIES = ("critical", "error", "warning", "info")
ACTIONS = ("trigger", "acknowledge", "resolve")


@dataclass
class Alert:
    """One alert: opened by a trigger that no open alert of the same key folded."""

    routing_key: str
    dedup_key: str
    state: str = "triggered"
    triggers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def summary(self) -> str:
        return str(self.triggers[0]["payload"]["summary"])


class PagerDuty(Provider):
    name = "pagerduty"

    def __init__(self, clock: Clock = time.monotonic) -> None:
        super().__init__(clock)
        self.alerts: list[Alert] = []
        self.rings: list[dict[str, Any]] = []
        """Triggers that made a phone ring: one for each alert that was opened."""
        self.changes: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        """Acknowledgements and resolutions without an open alert: answered 202 all the same."""
        self.routing_keys: set[str] | None = None
        """Those it knows; None: all."""
        self.rate = Window(120, 60.0, clock)

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        if path not in ("/v2/enqueue", "/v2/change/enqueue"):
            return Verdict(404, why="no such path")
        if len(body) > BODY_MOST:
            return Verdict(413, why="over 512 KB")
        event = parse(body)
        if event is None:
            return _invalid("not JSON")
        key = event.get("routing_key")
        if not isinstance(key, str) or len(key) != 32:
            return _invalid("routing_key")
        if self.routing_keys is not None and key not in self.routing_keys:
            return _invalid("routing_key is not known")
        wait = self.rate.wait_seconds(key)
        if wait > 0:
            return Verdict(
                429, why="120 calls a minute", headers={"Retry-After": str(int(wait) + 1)}
            )
        wrong = _wrong_change(event) if "change" in path else _wrong_alert(event)
        if wrong:
            return _invalid(wrong)
        if "change" in path:
            self.changes.append(event)
        else:
            self._ingest(event)
        return Verdict(202, body=json.dumps({"status": "success"}).encode())

    def open_alert(self, routing_key: str, dedup_key: str) -> Alert | None:
        for alert in self.alerts:
            is_meant = (alert.routing_key, alert.dedup_key) == (routing_key, dedup_key)
            if is_meant and alert.state != "resolved":
                return alert
        return None

    def _ingest(self, event: dict[str, Any]) -> None:
        key, action = event["routing_key"], event["event_action"]
        dedup = event.get("dedup_key") or f"random-{len(self.alerts)}"
        alert = self.open_alert(key, dedup)
        if action == "trigger":
            if alert is None:
                alert = Alert(key, dedup)
                self.alerts.append(alert)
                self.rings.append(event)
            alert.triggers.append(event)
        elif alert is None:
            self.dropped.append(event)
        else:
            alert.state = "acknowledged" if action == "acknowledge" else "resolved"

    def recorded(self) -> dict[str, Any]:
        return {
            "rings": [ring["payload"]["summary"] for ring in self.rings],
            "alerts": [
                {
                    "dedup_key": alert.dedup_key,
                    "state": alert.state,
                    "summary": alert.summary,
                    "triggers": len(alert.triggers),
                }
                for alert in self.alerts
            ],
            "changes": [change["payload"]["summary"] for change in self.changes],
            "dropped": [event["dedup_key"] for event in self.dropped],
        }


def _wrong_alert(event: Mapping[str, Any]) -> str:
    action = event.get("event_action")
    if action not in ACTIONS:
        return "event_action"
    dedup = event.get("dedup_key")
    if dedup is not None and not is_text(dedup, 255):
        return "dedup_key"
    if action != "trigger":
        return "" if dedup else "dedup_key is missing"
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return "payload"
    if payload.get("severity") not in SEVERITIES:
        return "payload.severity"
    if not is_text(payload.get("source"), 1024):
        return "payload.source"
    return _wrong_in_both(event, payload)


def _wrong_change(event: Mapping[str, Any]) -> str:
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return "payload"
    return _wrong_in_both(event, payload)


def _wrong_in_both(event: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    if not is_text(payload.get("summary"), 1024):
        return "payload.summary"
    if not isinstance(payload.get("custom_details", {}), dict):
        return "payload.custom_details"
    links = event.get("links", [])
    if not isinstance(links, list) or not all(
        isinstance(link, dict) and is_link(link.get("href")) for link in links
    ):
        return "links"
    if "client_url" in event and not is_link(event["client_url"]):
        return "client_url"
    return ""


def _invalid(what: str) -> Verdict:
    answer = {"status": "invalid event", "message": "Event object is invalid", "errors": [what]}
    return Verdict(400, body=json.dumps(answer).encode(), why=what)
