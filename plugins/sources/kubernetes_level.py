"""Asks the watch of the cluster what is wrong now (agent/ports/cluster_troubles.py).

While the watch does not know all there is, nothing is answered: what is missing would be taken for
over.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.model.alert import Alert
from agent.model.errors import Temporary
from agent.ports.cluster_source import ClusterAlerts
from agent.ports.cluster_troubles import TROUBLED, alert_of, look
from agent.ports.kit import SourceKit
from agent.ports.plugin import level_source


@level_source(
    name="kubernetes.level",
    params=ClusterAlerts,
    summary="What is wrong in the cluster now, by the watch",
)
async def firing(kit: SourceKit, params: ClusterAlerts) -> Sequence[Alert]:
    cluster, limits, at = kit.cluster, params.limits, kit.now()
    missing = cluster.unsynced()
    if missing:
        raise Temporary(f"the cluster is not seen as it is: {missing[0]}")
    found: list[Alert] = []
    for kind in TROUBLED:
        for kept in cluster.all_kept(kind):
            # Who made it is looked up for the few that need it.
            owners = cluster.owners(kept) if kind == "job" else ()
            troubles = look(kept, at=at, limits=limits, owners=owners).troubles
            if not troubles:
                continue
            owners = cluster.owners(kept)
            entity = cluster.entity_of(kept.name)
            if entity is None and not params.strangers and kind != "node":
                continue
            found += [alert_of(each, kept, entity=entity, owners=owners) for each in troubles]
    return found
