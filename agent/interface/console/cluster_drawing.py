"""Small drawings for rows of workloads: a dot for each pod, and the rollouts of the last day.

What is bad has a shape of its own, besides its colour. Names are escaped; the rest is numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from agent.interface.times import ago, from_rfc3339

MOST_DOTS = 48
PER_LINE = 16
STEP, RADIUS = 13, 5
DAY_WIDTH, DAY_HEIGHT = 240, 22
DAY_SECONDS = 86_400.0
MOST_MARKS = 20
CLASSES = {
    "failing": "failing",
    "not ready": "starting",
    "ending": "ending",
    "ready": "ready",
    "done": "ending",
}


def pods_told(pods: Iterable[Mapping[str, Any]]) -> str:
    """`3 ready, 1 failing`; the worst first, as they come."""
    counted = Counter(str(pod["state"]) for pod in pods)
    return ", ".join(f"{count} {state}" for state, count in counted.items()) or "no pods"


def pods_picture(pods: Sequence[Mapping[str, Any]]) -> Markup:
    """Those that fail come first, and so are always among what is drawn."""
    if not pods:
        return Markup("")
    shown = pods[:MOST_DOTS]
    lines = -(-len(shown) // PER_LINE)
    width, height = min(len(shown), PER_LINE) * STEP + 2, lines * STEP + 2
    dots = "".join(_dot(pod, at) for at, pod in enumerate(shown))
    return Markup(
        f'<svg class="pods" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(pods_told(pods))}">{dots}</svg>'
    )


def _dot(pod: Mapping[str, Any], at: int) -> str:
    x, y = at % PER_LINE * STEP + STEP // 2 + 1, at // PER_LINE * STEP + STEP // 2 + 1
    kind = CLASSES.get(pod["state"], "starting")
    again = f", {pod['restarts']} restarts" if pod["restarts"] else ""
    title = f"<title>{escape(pod['name'])}: {escape(pod['state'])}{again}</title>"
    if kind == "failing":
        side = 2 * RADIUS
        box = f'x="{x - RADIUS}" y="{y - RADIUS}" width="{side}" height="{side}"'
        return f'<rect class="{kind}" {box} rx="1">{title}</rect>'
    radius = RADIUS / 2 if kind == "ending" else RADIUS - 0.5
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}">{title}</circle>'


def day_told(releases: Sequence[Mapping[str, Any]]) -> str:
    if not releases:
        return "no rollout in the last day"
    broken = sum(1 for one in releases if one["broken"])
    word = "rollout" if len(releases) == 1 else "rollouts"
    return f"{len(releases)} {word} in the last day" + (f", {broken} failed" if broken else "")


def day_picture(
    releases: Sequence[Mapping[str, Any]], *, now: float, watched_until: str | None
) -> Markup:
    """The last 24 hours, now at the right end. The band is the window in which what breaks is held
    against the latest rollout."""
    if not releases:
        return Markup("")
    middle = DAY_HEIGHT // 2
    parts = [f'<line class="axis" x1="0" x2="{DAY_WIDTH}" y1="{middle}" y2="{middle}"/>']
    for quarter in (1, 2, 3):
        x = DAY_WIDTH * quarter // 4
        parts.append(f'<line class="axis" x1="{x}" x2="{x}" y1="{middle - 3}" y2="{middle + 3}"/>')
    if watched_until is not None:
        left = _x(from_rfc3339(releases[-1]["began_at"]), now)
        parts.append(
            f'<rect class="window" x="{left}" y="2" width="{max(2.0, DAY_WIDTH - left):.1f}" '
            f'height="{DAY_HEIGHT - 4}" rx="3"/>'
        )
    parts += [_mark(one, now) for one in releases[-MOST_MARKS:]]
    return Markup(
        f'<svg class="day" viewBox="0 0 {DAY_WIDTH} {DAY_HEIGHT}" width="{DAY_WIDTH}" '
        f'height="{DAY_HEIGHT}" role="img" aria-label="{escape(day_told(releases))}">'
        f"{''.join(parts)}</svg>"
    )


def _x(at: float, now: float) -> float:
    share = 1.0 - (now - at) / DAY_SECONDS
    return round(6 + min(1.0, max(0.0, share)) * (DAY_WIDTH - 12), 1)


def _mark(one: Mapping[str, Any], now: float) -> str:
    began = from_rfc3339(one["began_at"])
    x, y = _x(began, now), DAY_HEIGHT // 2
    phase = one["phase"].replace("_", " ")
    by = f" by {one['by']}" if one["by"] else ""
    words = (
        f"revision {one['revision']} {phase}, begun {ago(now - began)} ago{by}: {one['version']}"
    )
    title = f"<title>{escape(words)}</title>"
    if one["phase"] == "rolled_back":
        # An arrow that points back.
        way = f"M{x + 5},{y - 6} L{x - 6},{y} L{x + 5},{y + 6} Z"
        return f'<path class="broken" d="{way}">{title}</path>'
    if one["phase"] == "failed":
        way = f"M{x - 5},{y - 5} L{x + 5},{y + 5} M{x - 5},{y + 5} L{x + 5},{y - 5}"
        return f'<path class="broken cross" d="{way}">{title}</path>'
    kind = "under-way" if one["phase"] == "started" else "done"
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="5">{title}</circle>'
