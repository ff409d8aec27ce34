"""To look for a thousand secrets must cost an alert next to nothing: each alert pays it."""

from __future__ import annotations

import statistics
import time

import msgspec
import pytest

from agent.model.event import AlertReceived
from agent.runtime.redaction import Redaction
from tests.support.cases import alert

pytestmark = pytest.mark.bench

SECRETS, TIMES, ROUNDS = 1_000, 500, 5
GOAL_MS = 0.2


def test_a_clean_alert_of_two_kilobytes() -> None:
    redaction = Redaction()
    redaction.know(f"{number * 7919:016x}-{number:016x}" for number in range(SECRETS))
    labels = {f"label_{number}": f"value-{number}-of-some" for number in range(20)}
    annotations = {"summary": "x y z " * 40, "description": "lorem ipsum " * 60}
    told = msgspec.structs.replace(alert("A", labels=labels), annotations=annotations)
    event = AlertReceived(at=1.0, alert=told, key="k" * 32)
    costs = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(TIMES):
            assert redaction.of(event) is event
        costs.append((time.perf_counter() - began) / TIMES * 1000)
    assert statistics.median(costs) <= GOAL_MS
