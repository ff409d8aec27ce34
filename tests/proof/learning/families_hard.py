"""Families in which the obvious thing is not right, or nothing is, or no machine may do it."""

from __future__ import annotations

import random

from tests.proof.learning.families_easy import (
    RESTART,
    RESTORE,
    ROLL_BACK,
    STOP,
    UPSTREAM,
    WAIT,
    complaining,
    drifted,
    greedy,
    hung,
    knows,
    not_answering,
    released,
)
from tests.proof.learning.words import TARGET, Act, Cause, Family, Findings, Harm, Seconds, Sort

MINUTE = 60.0
MISMATCH = "DataMismatch"
UNLOCK = Act("vendor.unlock")
DELETE = Act("kubernetes.delete_failed_pods", {"target": TARGET, "older_than": "1h"})
BY_ROLL_BACK = Harm("process.rollback_version", 0.3, "z1", lambda chance: chance.uniform(120, 900))


def lognormal(median: float, sigma: float) -> Seconds:
    return lambda chance: chance.lognormvariate(0.0, sigma) * median


def exponential(mean: float) -> Seconds:
    return lambda chance: 45 + chance.expovariate(1 / mean)


def upstream_sick(chance: random.Random) -> Findings:
    return {
        "process.status": {"answers": True},
        "dependencies.health": {"sick": ["cache"], "summary": f"{chance.randint(1, 3)} are sick"},
    }


def small(_chance: random.Random) -> Findings:
    return {"process.status": {"answers": False}}


HARD: tuple[Family, ...] = (
    # It is over by itself; people act meanwhile and take it for their doing.
    Family(
        "x1",
        Sort.COINCIDENCE,
        "LatencyHigh",
        3,
        ("checkout", "catalog", "search"),
        (Cause("load", ends=exponential(10 * MINUTE)),),
        {"*": ((0.7, ((RESTART,),)), (0.1, ((ROLL_BACK,),)), (0.2, WAIT))},
        expression="histogram_quantile(0.99, sum(rate(http_seconds_bucket[5m])) by (le)) > 2",
        looks_back=200.0,
    ),
    Family(
        "x2",
        Sort.COINCIDENCE,
        "ThreadsBusy",
        4,
        ("payments",),
        (Cause("burst", ends=lognormal(15 * MINUTE, 0.5), shows=not_answering),),
        {"*": ((0.9, ((RESTART,),)), (0.1, WAIT))},
    ),
    Family(
        "x3",
        Sort.COINCIDENCE,
        "BatchStarvesOthers",
        3,
        ("insight",),
        (Cause("batch", ends=lambda chance: 1_200 + chance.gauss(0, 40)),),
        {"*": ((0.85, ((RESTART,),)), (0.15, WAIT))},
        roles=("worker", "exporter"),
    ),
    Family(
        "x4",
        Sort.COINCIDENCE,
        "PartnerTimeouts",
        4,
        ("payments", "ledger"),
        (Cause("partner", ends=exponential(25 * MINUTE), shows=complaining),),
        {"*": ((0.6, ((RESTORE,),)), (0.25, ((RESTORE,), (RESTART,))), (0.15, WAIT))},
    ),
    # One name, two causes, and a diagnostic that tells them apart.
    Family(
        "t1",
        Sort.SEPARABLE,
        "RequestsFailing",
        2.5,
        ("catalog",),
        (
            Cause("hung", 0.6, cures=((RESTART,),), shows=hung),
            Cause("drift", 0.4, cures=((RESTORE,),), shows=drifted),
        ),
        {"hung": knows((RESTART,), wrong=(RESTORE,)), "drift": knows((RESTORE,))},
    ),
    Family(
        "t2",
        Sort.SEPARABLE,
        "ErrorRateHigh",
        2.5,
        ("fleet",),
        (
            Cause("release", 0.5, cures=((ROLL_BACK,),), shows=released),
            Cause("leak", 0.5, cures=((RESTART,),), shows=not_answering, harms=(BY_ROLL_BACK,)),
        ),
        {"release": knows((ROLL_BACK,)), "leak": knows((RESTART,), wrong=(ROLL_BACK,))},
    ),
    Family(
        "t3",
        Sort.SEPARABLE,
        "Sluggish",
        2.5,
        ("insight",),
        (
            Cause("memory", 0.5, cures=((RESTART,),), shows=greedy),
            Cause("limits", 0.5, cures=((RESTORE,),), shows=small),
        ),
        {"memory": knows((RESTART,), wrong=(RESTORE,)), "limits": knows((RESTORE,))},
    ),
    Family(
        "t4",
        Sort.SEPARABLE,
        "ReadsFailing",
        2.5,
        ("payments",),
        (
            Cause("cache", 0.5, cures=(UPSTREAM,), shows=upstream_sick),
            Cause("itself", 0.5, cures=((RESTART,),), shows=hung),
        ),
        {"cache": knows(UPSTREAM), "itself": knows((RESTART,), wrong=UPSTREAM)},
        roles=("api", "worker"),
        labels={"upstream": ("{product}-cache-1", "{product}-cache-2", "{product}-cache-3")},
    ),
    # The same, and nothing that is looked at differs.
    Family(
        "u1",
        Sort.ALIKE,
        "WritesFailing",
        3,
        ("ledger", "media"),
        (
            Cause("deadlock", 0.6, cures=((RESTART,),), shows=not_answering),
            Cause("quota", 0.4, cures=((RESTORE,),), shows=not_answering),
        ),
        {"deadlock": knows((RESTART,), wrong=(RESTORE,)), "quota": knows((RESTORE,))},
    ),
    Family(
        "u2",
        Sort.ALIKE,
        "ResponsesWrong",
        3,
        ("search",),
        (
            Cause("cache", 0.5, cures=((RESTART,),), harms=(BY_ROLL_BACK,)),
            Cause("code", 0.5, cures=((ROLL_BACK,),)),
        ),
        {"cache": knows((RESTART,), wrong=(ROLL_BACK,)), "code": knows((ROLL_BACK,))},
    ),
    # Everybody tries something else.
    Family(
        "d1",
        Sort.CONTRADICTORY,
        "ThroughputLow",
        3,
        ("media", "fleet"),
        (Cause("season", ends=exponential(25 * MINUTE), shows=complaining),),
        {
            "*": (
                (0.35, ((RESTART,), (RESTORE,))),
                (0.35, ((RESTORE,), (RESTART,))),
                (0.15, ((ROLL_BACK,),)),
                (0.15, WAIT),
            )
        },
    ),
    Family(
        "d2",
        Sort.CONTRADICTORY,
        "SessionsDrop",
        3,
        ("checkout",),
        (
            Cause(
                "unknown",
                ends=exponential(60 * MINUTE),
                shows=not_answering,
                placebos={"process.restart": 0.4, "config.restore": 0.4},
            ),
        ),
        {
            "*": (
                (0.45, ((RESTART,), (RESTORE,), (RESTART,))),
                (0.45, ((RESTORE,), (RESTART,), (RESTORE,))),
                (0.1, WAIT),
            )
        },
    ),
    # Nothing has to be done.
    Family(
        "n1",
        Sort.NOTHING,
        "NightlyImportLags",
        2,
        ("insight", "catalog"),
        (Cause("nightly", ends=lambda chance: chance.uniform(600, 2_400)),),
        {"*": ((0.65, WAIT), (0.35, ((RESTART,),)))},
        roles=("importer",),
    ),
    Family(
        "n2",
        Sort.NOTHING,
        "FailoverUnderWay",
        4,
        ("ledger",),
        (
            Cause(
                "failover",
                ends=exponential(6 * MINUTE),
                harms=(Harm("process.restart", 0.2, "z1", lambda c: c.uniform(60, 600)),),
                shows=not_answering,
            ),
        ),
        {"*": ((0.7, WAIT), (0.3, ((RESTART,),)))},
    ),
    Family(
        "n3",
        Sort.NOTHING,
        "IndexRebuilds",
        3,
        ("search",),
        (Cause("rebuild", ends=lambda chance: 1_800 + chance.gauss(0, 60)),),
        {"*": ((0.6, WAIT), (0.3, ((RESTART,),)), (0.1, ((ROLL_BACK,),)))},
        roles=("index",),
    ),
    # The symptom goes, and something worse comes.
    Family(
        "g1",
        Sort.HARMFUL,
        "RequestsSlow",
        3,
        ("media", "insight"),
        (
            Cause(
                "pool",
                cures=((RESTART,),),
                placebos={"process.stop": 1.0},
                harms=(Harm("process.stop", 1.0, "c10", lambda c: c.uniform(90, 400)),),
                shows=not_answering,
            ),
        ),
        {"*": ((0.85, ((STOP,),)), (0.15, ((RESTART,),)))},
    ),
    Family(
        "o1",
        Sort.OPAQUE,
        "LicenceHeld",
        6,
        ("fleet",),
        (Cause("licence", cures=((UNLOCK,),), shows=complaining),),
        {"*": knows((UNLOCK,))},
    ),
    Family(
        "h1",
        Sort.HIGH,
        "FailedPodsPileUp",
        6,
        ("catalog",),
        (Cause("pods", cures=((DELETE,),), shows=complaining),),
        {"*": knows((DELETE,))},
    ),
    # It was over long before anybody did anything; the alert only looks back.
    Family(
        "b1",
        Sort.DECAYED,
        "QueueWasDeep",
        3,
        ("payments",),
        (Cause("burst", ends=lambda chance: 60 + chance.expovariate(1 / 150)),),
        {"*": ((0.85, ((RESTART,),)), (0.15, WAIT))},
        roles=("worker",),
        expression="max_over_time(queue_depth[20m]) > 1000",
        looks_back=1_200.0,
    ),
    # The act helps for some minutes.
    Family(
        "r1",
        Sort.RELAPSING,
        "ConnectionsLeak",
        4,
        ("checkout", "media"),
        (
            Cause(
                "leak",
                placebos={"process.restart": 1.0},
                returns=0.8,
                ends=exponential(150 * MINUTE),
                shows=greedy,
            ),
        ),
        {"*": ((1.0, ((RESTART,),)),)},
    ),
)

AFTERMATH: tuple[Family, ...] = (
    Family(
        "z1",
        Sort.NOTHING,
        MISMATCH,
        0.0,
        (),
        (Cause("harm", ends=lognormal(20 * MINUTE, 0.6)),),
        {"*": ((1.0, WAIT),)},
    ),
)
"""What follows on harm alone. None of the forty."""
