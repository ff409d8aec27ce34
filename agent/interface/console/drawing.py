"""Small drawings as SVG, made of numbers only: no text of an alert ever enters one."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from agent.interface.times import ago
from agent.model.incident import Incident

WIDTH = 1000
LEFT = 4


def timeline_strip(incident: Incident, marks: Sequence[float], *, now: float) -> Markup:
    """The life of an incident from left to right: journal lines, steps, pages."""
    end = incident.resolved_at if incident.resolved_at is not None else now
    length = max(end - incident.opened_at, 0.001)

    def line(at: float, kind: str, top: int, bottom: int) -> str:
        share = min(max((at - incident.opened_at) / length, 0.0), 1.0)
        x = LEFT + round(share * (WIDTH - 2 * LEFT))
        return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'

    lines = [line(at, "note", 14, 22) for at in marks[:400]]
    lines += [line(step.started_at, "step", 8, 28) for step in incident.steps]
    lines += [line(page.at, "page", 4, 32) for page in incident.pages]
    return Markup(
        f'<svg class="strip" viewBox="0 0 {WIDTH} 46" preserveAspectRatio="none" role="img" '
        f'aria-label="Life of the incident: {len(incident.steps)} steps, '
        f'{len(incident.pages)} pages in {ago(length)}">'
        f'<rect class="span" x="0" y="8" width="{WIDTH}" height="20" rx="6"/>'
        + "".join(lines)
        + "</svg>"
    )
