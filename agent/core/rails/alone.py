"""The policy as if nothing else went on and the alert had fired for long enough.

What a runbook would do is asked of it alone: in its own tests, in a back-test of the past, and by
whoever wants it explained. How much else is under way at that moment, how long the alert has
fired, and how well a cluster is seen, is not the runbook's to say, so the limits that hang on it
stand aside. What hangs on the target and its own past stays.
"""

from __future__ import annotations

import math

import msgspec

from agent.model.policy import Policy

UNLIMITED = 1_000_000


def alone(policy: Policy) -> Policy:
    rails = msgspec.structs.replace(
        policy.rails,
        per_domain=UNLIMITED,
        per_product=UNLIMITED,
        per_fleet=UNLIMITED,
        wip_per_product=UNLIMITED,
        wip_per_fleet=UNLIMITED,
        share_per_hour=float(UNLIMITED),
        rate_per_minute=float(UNLIMITED),
        rate_burst=UNLIMITED,
        storm_rate_per_minute=float(UNLIMITED),
        dwell_seconds=0.0,
        product_sick_least=UNLIMITED,
        fleet_sick_least=UNLIMITED,
        fleet_new_per_minute=UNLIMITED,
        cluster_age_seconds=math.inf,
        watchdog="",
    )
    return msgspec.structs.replace(policy, rails=rails)
