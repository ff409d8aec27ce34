"""How well the cluster is seen: what acts on it asks the same (core/rails/cluster.py)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.http.desk import Desk
from agent.interface.http.identity import PEOPLE
from agent.interface.http.needs import Need, Reach
from agent.interface.http.replies import json_reply
from agent.interface.times import rfc3339
from agent.model.principal import Principal

LOOK_AT_CLUSTER = Need(PEOPLE, Reach.DAEMON)
"""What is not seen is told with namespaces, which may be others'."""


async def cluster(desk: Desk, _request: Request, _who: Principal) -> Response:
    view = desk.facade.view
    sight = view.cluster
    if sight is None:
        return json_reply({"connected": False})
    seen = sight.seen_at
    return json_reply(
        {
            "connected": True,
            "in_sync": seen is not None and not sight.trouble,
            "seen_at": rfc3339(seen) if seen is not None else None,
            "trouble": sight.trouble,
            "objects": len(view.inventory),
        }
    )
