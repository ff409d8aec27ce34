"""The page of the cluster: how it is seen, and each workload with its pods and its rollouts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.console.cluster_drawing import day_picture, pods_picture, pods_told
from agent.interface.console.frame import live
from agent.interface.http.cluster_api import told
from agent.interface.http.desk import Desk
from agent.interface.times import from_rfc3339
from agent.model.principal import Principal

CALM_SECONDS = 5
MOST_OF_ALL = 300
MOST_OF_PRODUCT = 40
"""The rest is well, or listed by `homeostat cluster --product`."""
MOST_NAMES = 10


async def show_cluster(desk: Desk, request: Request, who: Principal) -> Response:
    found, now = await told(desk, who), desk.facade.now()
    is_there = found["connected"]
    return live(
        desk,
        request,
        who,
        fragment="_cluster.html",
        here="cluster",
        title="Cluster",
        calm_seconds=CALM_SECONDS,
        told=found,
        places=places(found["watches"]) if is_there else [],
        products=by_product(found["workloads"], now=now) if is_there else [],
        sums=sums(found["workloads"]) if is_there else {},
        seen_ago=max(0.0, now - from_rfc3339(found["seen_at"]))
        if is_there and found["seen_at"]
        else None,
        most_names=MOST_NAMES,
    )


def sums(workloads: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    phases = Counter(one["phase"] for one in workloads)
    return {
        "workloads": len(workloads),
        "troubled": sum(1 for one in workloads if one["alerts"]),
        "rolling": phases["started"],
        "watched": sum(1 for one in workloads if one["watched_until"]),
    }


def places(watches: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each namespace, with how many kinds are watched in it, and what is not."""
    spaces: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for watch in watches:
        spaces[watch["namespace"]].append(watch)
    made = []
    for name, mine in spaces.items():
        fine = [watch for watch in mine if watch["state"] == "watched"]
        made.append(
            {
                "name": name,
                "watched": len(fine),
                "silent": max((watch["silent_seconds"] for watch in fine), default=None),
                "lists": sum(watch["lists"] for watch in mine),
                "missing": [watch for watch in mine if watch["state"] != "watched"],
                "is_blind": any(w["needed"] and w["state"] != "watched" for w in mine),
            }
        )
    return sorted(made, key=lambda place: (not place["is_blind"], place["name"]))


def by_product(workloads: Sequence[Mapping[str, Any]], *, now: float) -> list[dict[str, Any]]:
    """Products with what is in trouble first; of each the worst first, and no more than can be
    looked at."""
    products: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in workloads:
        products[one["product"] or ""].append(one)
    left, made = MOST_OF_ALL, []
    worst = sorted(products, key=lambda name: (_badness(products[name]), name))
    for name in worst:
        mine = products[name]
        shown = mine[: min(MOST_OF_PRODUCT, left)]
        left -= len(shown)
        rest = mine[len(shown) :]
        made.append(
            {
                "name": name,
                "count": len(mine),
                "rows": [_row(one, now) for one in shown],
                "more": len(rest),
                "more_troubled": sum(1 for one in rest if not one["well"]),
            }
        )
    return made


def _badness(workloads: Sequence[Mapping[str, Any]]) -> int:
    """The lower the worse."""
    if any(one["alerts"] for one in workloads):
        return 0
    return 1 if any(not one["well"] for one in workloads) else 2


def _row(one: Mapping[str, Any], now: float) -> dict[str, Any]:
    space, kind, name = one["name"].split("/")
    rollout = one["rollout"]
    return {
        **one,
        "namespace": space,
        "kind": kind,
        "short": name,
        "picture": pods_picture(one["pods"]),
        "pods_told": pods_told(one["pods"]),
        "day": day_picture(one["releases"], now=now, watched_until=one["watched_until"]),
        "rollout_ago": now - from_rfc3339(rollout["began_at"]) if rollout is not None else None,
    }
