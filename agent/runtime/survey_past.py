"""The incidents a survey looks back over, read from the store by pages and kept as counts."""

from __future__ import annotations

from agent.core.survey_seen import NeverActed, PastSeen
from agent.core.view import View
from agent.measure.signal_costs import NobodyActed, spent_on
from agent.model.alert import Layer
from agent.model.errors import Permanent
from agent.model.incident import Incident
from agent.ports.store import Store

AT_A_TIME = 500
MOST_PAGES = 400
MOST_NAMES = 50_000


class _Fold:
    def __init__(self) -> None:
        self.nobody = NobodyActed()
        self.names: set[str] = set()
        self.heard: set[tuple[str, Layer]] = set()
        self.runbooks: set[str] = set()

    def take(self, incident: Incident, view: View) -> None:
        self.nobody.take(spent_on(incident, view.resolutions.get(incident.id)))
        if len(self.names) < MOST_NAMES:
            self.names.update(state.name for state in incident.alerts.values())
        if incident.product is not None:
            self.heard.add((incident.product, incident.layer))
        if incident.runbook is not None:
            self.runbooks.add(incident.runbook)
        if incident.shadow is not None:
            self.runbooks.add(incident.shadow.runbook)


async def read_past(store: Store, view: View, *, at: float, seconds: float, least: int) -> PastSeen:
    """Of the latest so many seconds. Raises StoreUnavailable, and Permanent where there is more
    than is read."""
    fold = _Fold()
    after = (at - seconds, -1)
    for _ in range(MOST_PAGES):
        page = await store.past(after=after, limit=AT_A_TIME)
        for incident in page.incidents:
            fold.take(incident, view)
        if page.next is None:
            break
        after = page.next
    else:
        raise Permanent(f"more than {MOST_PAGES * AT_A_TIME} incidents: shorten survey.past")
    for incident in view.incidents.values():  # some are older than that and still open
        fold.take(incident, view)
    return PastSeen(
        days=round(seconds / 86_400.0),
        never_acted=tuple(
            NeverActed(name=r.name, product=r.product, incidents=r.incidents, pages=r.pages)
            for r in fold.nobody.told(least=least)
        ),
        names=frozenset(fold.names),
        heard=frozenset(fold.heard),
        runbooks=frozenset(fold.runbooks),
    )
