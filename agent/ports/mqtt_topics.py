"""What one MQTT message says, by its topic.

A topic names who speaks (`alerts/{layer}/{product}`, `heartbeats/{agent}`, `telemetry/{agent}`) and
is what a broker's access list checks, so a payload that says something else cannot be read.
"""

from __future__ import annotations

import msgspec

from agent.model.alert import Alert, Heartbeat, Layer, Signal, Telemetry
from agent.model.errors import Unparseable
from agent.ports.member_wire import Forged, bare_beat, heartbeat, telemetry
from agent.ports.wire import AlertJson, alert, read

GROUP = "mqtt"

ALERTS = msgspec.json.Decoder(AlertJson)


def signal_of(topic: str, payload: bytes, *, retained: bool) -> Signal | None:
    """What one message says; `topic` without the root. None: nothing. Raises Unparseable."""
    if not payload:
        return None  # an empty message only takes a retained one away
    kind, _, rest = topic.partition("/")
    if kind == "alerts":
        layer, _, product = rest.partition("/")
        return alert_of(layer, product, payload)
    if kind == "heartbeats":
        return beat_of(rest, payload, retained=retained)
    if kind == "telemetry":
        return totals_of(rest, payload, retained=retained)
    return None


def shown_by(topic: str, error: Unparseable, *, retained: bool) -> Heartbeat | None:
    """What a message that cannot be read shows all the same: only who lives beats. Where somebody
    else is named in it, it shows only that something is wrong."""
    kind, _, agent = topic.partition("/")
    if kind != "heartbeats" or not agent or retained:
        return None
    if isinstance(error, Forged):
        return Heartbeat(agent=agent, faults=(str(error)[:200],), is_sign=False)
    return bare_beat(agent, str(error))


def alert_of(layer: str, product: str, payload: bytes) -> Alert:
    if layer not in tuple(Layer):
        raise Unparseable(f"no layer {layer[:64]!r}; one of {', '.join(Layer)}", where="topic")
    if not product:
        raise Unparseable("names no product", where="topic")
    wire = read(ALERTS, payload)
    for name, said in (("layer", layer), ("product", product)):
        if wire.labels.get(name, said) != said:
            raise Unparseable(
                f"topic and payload disagree: {said[:64]!r} and {wire.labels[name][:64]!r}",
                where=f"$.labels.{name}",
            )
    return alert(wire, source=GROUP, labels={"layer": layer, "product": product})


def beat_of(agent: str, payload: bytes, *, retained: bool) -> Heartbeat | None:
    if not agent:
        raise Unparseable("names no agent", where="topic")
    beat = heartbeat(payload, agent=agent)
    # A retained beat is as old as may be and says nothing of now; a retained last will stays true.
    return None if retained and beat.alive else beat


def totals_of(agent: str, payload: bytes, *, retained: bool) -> Telemetry | None:
    if not agent:
        raise Unparseable("names no agent", where="topic")
    told = telemetry(payload, agent=agent)
    return None if retained else told  # as old as may be
