"""Small drawings as SVG. Most are made of numbers only; the names of registered things in the
picture of a path are escaped like everything else, and no text of an alert ever enters one."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from agent.interface.radius_path import Hop, Node
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


NODE_WIDTH, NODE_HEIGHT, NODE_GAP = 250, 40, 64
BOX = 10
"""Between a node and the box of its product around it."""
TITLE = 18
"""Room for the name of that box."""
LONGEST_NAME = 30


def path_picture(nodes: Sequence[Node], hops: Sequence[Hop]) -> Markup:
    """The path from the symptom at the top to the suspect at the bottom. What is sick is red, what
    is in doubt is dashed, and what belongs to one product stands in one box."""
    if not nodes:
        return Markup("")
    tops = [TITLE + BOX + number * (NODE_HEIGHT + NODE_GAP) for number in range(len(nodes))]
    width, height = NODE_WIDTH + 2 * BOX + 2, tops[-1] + NODE_HEIGHT + BOX + 2
    parts = [_box(nodes, first, last, tops) for first, last in _runs(nodes)]
    parts += [_hop(hop, tops[number]) for number, hop in enumerate(hops[: len(nodes) - 1])]
    parts += [_node(node, top) for node, top in zip(nodes, tops, strict=True)]
    named = " to ".join(node.name for node in nodes)
    return Markup(
        f'<svg class="path" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(f"Path from symptom to suspect: {named}")}">'
        + "".join(parts)
        + "</svg>"
    )


def _runs(nodes: Sequence[Node]) -> list[tuple[int, int]]:
    """First and last of each run of nodes of one product; those of none have no box."""
    found: list[tuple[int, int]] = []
    for number, node in enumerate(nodes):
        if node.product is None:
            continue
        if found and found[-1][1] == number - 1 and nodes[number - 1].product == node.product:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def _box(nodes: Sequence[Node], first: int, last: int, tops: Sequence[int]) -> str:
    top = tops[first] - BOX - TITLE + 4
    height = tops[last] + NODE_HEIGHT + BOX - top
    name = escape(_cut(f"product {nodes[first].product}"))
    return (
        f'<rect class="product-box" x="1" y="{top}" width="{NODE_WIDTH + 2 * BOX}" '
        f'height="{height}" rx="10"/>'
        f'<text class="soft end" x="{NODE_WIDTH + BOX}" y="{top + 15}">{name}</text>'
    )


def _hop(hop: Hop, top: int) -> str:
    x, begin = 1 + BOX + 26, top + NODE_HEIGHT
    end = begin + NODE_GAP - 7
    kind = "hop doubtful" if hop.doubt else "hop"
    sure = "" if hop.confidence >= 1 else f", sure to {hop.confidence:.0%}"
    words = escape(f"{hop.kind}{sure}" + (", in doubt" if hop.doubt else ""))
    return (
        f'<line class="{kind}" x1="{x}" x2="{x}" y1="{begin}" y2="{end}"/>'
        f'<path class="tip" d="M{x - 5} {end} h10 l-5 7 z"/>'
        f'<text class="soft" x="{x + 12}" y="{begin + 29}">{words}</text>'
    )


def _node(node: Node, top: int) -> str:
    kind = "node" + (" sick" if node.is_sick else "") + (" suspect" if node.is_suspect else "")
    said = node.kind + (", suspect" if node.is_suspect else "")
    return (
        f'<g class="{kind}"><rect x="{1 + BOX}" y="{top}" width="{NODE_WIDTH}" '
        f'height="{NODE_HEIGHT}" rx="8"/>'
        f'<text x="{1 + BOX + 12}" y="{top + 17}">{escape(_cut(node.name))}</text>'
        f'<text class="soft" x="{1 + BOX + 12}" y="{top + 32}">{escape(said)}</text></g>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
