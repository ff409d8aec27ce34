"""Families with one consistent fix, in the ways in which fixes differ: one step or two, their
parameters from the alert, from a diagnostic, or always the same; one product or several."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.proof.learning.words import TARGET, Act, Cause, Family, Findings, Habits, Sort, Way

DAY = 86_400.0
RESTART = Act("process.restart")
RESTORE = Act("config.restore")
ROLL_BACK = Act("process.rollback_version")
START = Act("process.start")
STOP = Act("process.stop")
PREVIOUS = "{process.status.previous_version}"
WAIT: tuple[Way, ...] = ()


def knows(way: Way, *, wrong: Way = (RESTART,), slips: float = 0.08) -> Habits:
    """People who know what to do, and now and then try something else first."""
    return ((1 - slips, (way, way)), (slips, (wrong, way, way)))


def hung(_chance: random.Random) -> Findings:
    return {"process.status": {"hung": True, "answers": False}}


def not_answering(_chance: random.Random) -> Findings:
    return {"process.status": {"answers": False}}


def drifted(chance: random.Random) -> Findings:
    ago = round(chance.uniform(60, 9_000), 1)
    return {
        "config.state": {"changed": True, "changed_seconds_ago": ago, "diff": ["-a: 1", "+a: 2"]}
    }


def released(chance: random.Random) -> Findings:
    ago = round(chance.uniform(120, 1_500), 1)
    return {
        "process.status": {"changed_recently": True, "version_changed_seconds_ago": ago},
        "process.launches": {"version_age": ago},
    }


def gone(chance: random.Random) -> Findings:
    dead = {"alive": False, "exit_code": chance.choice([0, 1, -9])}
    return {"process.status": {**dead, "answers": False, "pid": None, "uptime_seconds": None}}


def greedy(chance: random.Random) -> Findings:
    share = round(chance.uniform(0.9, 0.99), 3)
    taken = int(share * 2**31)
    return {
        "process.status": {"memory_bytes": taken},
        "process.resources": {"memory_bytes": taken, "memory_share": share},
    }


def complaining(chance: random.Random) -> Findings:
    return {"process.recent_log": {"errors": chance.randint(3, 9), "last_error": "no room left"}}


def blip(way: Way, weight: float) -> Cause:
    """Over within minutes by itself, whoever does what."""
    return Cause("blip", weight, tolerated=(way,), ends=lambda chance: chance.uniform(80, 260))


def steady(
    id: str,
    alert: str,
    every_days: float,
    products: tuple[str, ...],
    way: Way,
    shows: Callable[[random.Random], Findings],
    *,
    blips: float = 0.0,
    habits: Habits | None = None,
    **fields: object,
) -> Family:
    """A family whose one cause has one way out."""
    causes = [Cause("it", 1 - blips, cures=(way,), shows=shows)]
    if blips:
        causes.append(blip(way, blips))
    told = {"*": habits or knows(way), "blip": ((1.0, (way,)),)}
    return Family(
        id,
        Sort.CONSISTENT,
        alert,
        every_days,
        products,
        tuple(causes),
        told,
        **fields,  # type: ignore[arg-type]
    )


def trash(folder: str, pattern: str, older_than: str, *free: str) -> Act:
    params = {"target": TARGET, "folder": folder, "pattern": pattern, "older_than": older_than}
    return Act("files.trash", params, frozenset(free))


def uploads(older_than: str) -> Way:
    return (trash("uploads", "*.part", older_than, "older_than"),)


UPSTREAM = (Act("process.restart", {"target": "{label:upstream}"}),)
TO_PREVIOUS = (Act("process.rollback_version", {"target": TARGET, "to": PREVIOUS}),)
SLOWLY = (Act("process.restart", {"target": TARGET, "grace_seconds": 60}),)
SPOOL = (trash("{label:folder}", "*.part", "1h"),)
FOLDERS = {"folder": ("spool/in", "spool/out", "spool/retry")}

CONSISTENT: tuple[Family, ...] = (
    steady("c01", "ServiceHung", 5, ("checkout",), (RESTART,), hung),
    steady(
        "c02",
        "HealthCheckFailing",
        3.5,
        ("catalog", "search", "media"),
        (RESTART,),
        not_answering,
        blips=0.03,
        expression="probe_success == 0",
    ),
    steady("c03", "ConfigurationDrifted", 7, ("payments",), (RESTORE,), drifted),
    steady(
        "c04",
        "FeatureFlagsBroken",
        9,
        ("search",),
        (RESTORE, RESTART),
        drifted,
        habits=knows((RESTORE, RESTART), wrong=(RESTORE,), slips=0.15),
    ),
    steady(
        "c05",
        "ErrorsAfterRelease",
        6,
        ("media",),
        (ROLL_BACK,),
        released,
        expression="sum(rate(http_errors_total[5m])) / sum(rate(http_requests_total[5m])) > 0.05",
        looks_back=240.0,
    ),
    steady("c06", "ReleaseCrashes", 8, ("fleet",), TO_PREVIOUS, released),
    steady(
        "c07", "LogDiskFilling", 6, ("insight",), (trash("logs", "app.log.*", "2d"),), complaining
    ),
    steady("c08", "SpoolFilling", 5, ("ledger",), SPOOL, complaining, labels=FOLDERS),
    steady(
        "c09",
        "CacheUnreachable",
        7,
        ("checkout",),
        UPSTREAM,
        not_answering,
        roles=("api", "worker"),
        labels={"upstream": ("{product}-cache-1", "{product}-cache-2", "{product}-cache-3")},
    ),
    steady("c10", "ServiceAbsent", 8, ("media", "insight"), (START,), gone),
    steady("c11", "LockStuck", 9, ("catalog",), (STOP, START), hung, habits=knows((STOP, START))),
    steady("c12", "DrainTooSlow", 6, ("payments",), SLOWLY, not_answering),
    steady("c13", "ScoutSilent", 6, ("search", "fleet"), (RESTART,), hung, roles=("scout",)),
    steady(
        "c14",
        "UploadsPileUp",
        6,
        ("media",),
        uploads("3d"),
        complaining,
        habits=tuple((1 / 3, (uploads(span), uploads("3d"))) for span in ("3d", "5d", "7d")),
        answers={"older_than": "3d"},
    ),
    steady("c15", "CacheNodeGone", 9, ("ledger",), (START,), gone, roles=("cache-1", "cache-2")),
    steady(
        "c16",
        "MemoryHigh",
        4.5,
        ("insight", "fleet"),
        (RESTART,),
        greedy,
        blips=0.04,
        expression="process_resident_memory_bytes > 1.9e9",
    ),
    steady(
        "c17",
        "CrashCounterRises",
        7,
        ("catalog",),
        (ROLL_BACK,),
        released,
        expression="increase(process_crashes_total[20m]) > 0",
        looks_back=1_200.0,
    ),
    steady("c18", "CertificateStale", 5, ("payments",), (RESTART,), not_answering, told=0.35),
    steady("c19", "WorkersExhausted", 4, ("checkout",), (RESTART,), hung, blips=0.02),
    Family(
        "c20",
        Sort.BREAKING,
        "LeakyWorker",
        1.6,
        ("search",),
        (
            Cause("leak", cures=((RESTART,),), shows=greedy),
            Cause("new leak", 0.0, cures=((ROLL_BACK,),), shows=greedy),
        ),
        {"*": knows((RESTART,)), "new leak": ((1.0, ((RESTART,), (ROLL_BACK,), (ROLL_BACK,))),)},
        breaks_on_day=100.0,
    ),
)
