"""MQTT 5: alerts, heartbeats and telemetry from a broker, acknowledged after the commit.

A broker keeps a QoS 1 message until it is acknowledged. aiomqtt 2.x acknowledges when a message
enters its queue, before anybody has handled it, and loses 900 of 1,000 at a crash (faults study,
M1). The way out needs two calls of the paho client inside of it; `AckingClient` is the only place
that knows them, refuses to start without them, and a contract test watches them.

The flow is one loop: take what waits (up to `MOST` messages), emit all of it at once, acknowledge
all of it. While one batch is committed the next gathers. Where the store cannot write nothing is
acknowledged and the connection is closed: the broker sends it all again on the next one. The
session outlives the connection, so messages wait in the broker while Homeostat is away.

A topic names who speaks (`alerts/{layer}/{product}`, `heartbeats/{agent}`, `telemetry/{agent}`) and
is what a broker's access list checks, so a payload that says something else is put in quarantine.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import msgspec
from pydantic import Field

from agent.model.alert import Alert, Alive, Heartbeat, Layer, Signal
from agent.model.errors import Permanent, StoreUnavailable, Temporary, Unparseable
from agent.ports.kit import SourceKit
from agent.ports.plugin import Params, stream_source
from agent.ports.wire import AlertJson, alert, heartbeat, read

if TYPE_CHECKING:
    import aiomqtt

GROUP = "mqtt"
MOST = 500
"""Messages the broker may have on the way to us, and so the most in one commit."""
MOST_WAITING = 4 * MOST
"""Bound of the queue. What QoS 0 brings beyond it is dropped. QoS 1 should not reach it, but after
a lost connection Mosquitto 2.0.11 sends its whole backlog whatever was agreed: then the connection
is opened anew, since the broker sends again, but only then, what was not acknowledged."""
LARGEST_PACKET = 2 * 1024 * 1024
LONGEST_WAIT_SECONDS = 30.0
SIGN_SECONDS = 30.0
"""Between two signs of life of a connection."""

ALERTS = msgspec.json.Decoder(AlertJson)


class Mqtt(Params):
    host: str = Field(description="broker to connect to")
    port: int = Field(default=1883, ge=1, le=65535, description="its port; 8883 is usual with tls")
    root: str = Field(
        default="homeostat/",
        pattern=r"^([^#+\x00]+/)?$",
        description="what the topics begin with; ends with a slash",
    )
    client_id: str = Field(
        default="homeostat",
        min_length=1,
        description="names the session in the broker: stable, and of one daemon only",
    )
    username: str | None = Field(default=None, description="user to log in as")
    password_file: str | None = Field(default=None, description="file that holds the password")
    tls: bool = Field(default=False, description="speak TLS and check the broker's certificate")
    ca_file: str | None = Field(
        default=None, description="authorities to trust, as PEM; the system's where not given"
    )
    certificate_file: str | None = Field(default=None, description="own certificate, as PEM")
    key_file: str | None = Field(default=None, description="key of the own certificate, as PEM")
    keepalive_seconds: float = Field(
        default=30.0,
        ge=1,
        le=65535,
        description="a connection silent for one and a half times as long is lost",
    )
    session_expiry_seconds: float = Field(
        default=3600.0,
        ge=0,
        le=4294967294,
        description="how long the broker keeps messages while Homeostat is away",
    )


class NotAllTaken(Temporary):
    """The broker sent more than fits; the rest comes again on a new connection."""


@stream_source(
    name="mqtt",
    params=Mqtt,
    summary="MQTT 5: alerts, heartbeats and telemetry, acknowledged after the commit",
)
async def listen(kit: SourceKit, params: Mqtt) -> None:
    import aiomqtt

    failures = 0
    while True:
        began = kit.now()
        why: Exception
        try:
            async with AckingClient(params) as client:
                kit.log.info("mqtt.connected", host=params.host, port=params.port)
                signs = asyncio.create_task(show_life(kit))
                try:
                    await receive(kit, client, root=params.root)
                finally:
                    signs.cancel()
        except NotAllTaken as error:
            kit.log.info("mqtt.reconnects", why=str(error))
            continue
        except aiomqtt.MqttError as error:
            why = error
        except (StoreUnavailable, Temporary, OSError) as error:
            why = error
        # A connection that did not last does not start the waiting anew: two daemons with one
        # client id would otherwise throw each other out all the time.
        failures = 0 if kit.now() - began > LONGEST_WAIT_SECONDS else failures + 1
        wait = wait_seconds(params.client_id, failures)
        kit.log.warning("mqtt.disconnected", why=str(why), next_try_seconds=round(wait, 2))
        await kit.sleep(wait)


async def show_life(kit: SourceKit) -> None:
    """A broker with nothing to pass on is no broker that is gone: the keep-alive of the connection
    ends it where nobody answers, so that it stands is a sign of life."""
    while True:
        try:
            await kit.emit([Alive(source="")])
        except StoreUnavailable as error:
            kit.log.warning("mqtt.sign_not_stored", why=str(error))
        await kit.sleep(SIGN_SECONDS)


def wait_seconds(client_id: str, failures: int) -> float:
    """Doubling from half a second up to the cap; spread by a hash, so that replicas that lost one
    broker together do not come back together."""
    longest = min(LONGEST_WAIT_SECONDS, 0.5 * 2.0 ** min(failures, 10))
    spread = zlib.crc32(f"{client_id}/{failures}".encode()) / 0xFFFFFFFF
    return longest * (0.5 + spread / 2)


async def receive(kit: SourceKit, client: AckingClient, *, root: str) -> None:
    """Ends only by an error: the connection was lost, or the store cannot write."""
    await client.subscribe([f"{root}alerts/+/+", f"{root}heartbeats/+", f"{root}telemetry/+"])
    dropped = 0
    while True:
        messages = await client.take()
        signals: list[Signal] = []
        unread: list[tuple[aiomqtt.Message, str]] = []
        for message in messages:
            try:
                signal = signal_of(
                    str(message.topic).removeprefix(root),
                    as_bytes(message.payload),
                    retained=message.retain,
                )
            except Unparseable as error:
                unread.append((message, str(error)))
                continue
            if signal is not None:
                signals.append(signal)
        if signals:
            await kit.emit(signals)
        for message, why in unread:
            topic = str(message.topic)[:200]
            await kit.quarantine(
                as_bytes(message.payload), source=GROUP, why=f"topic {topic!r}: {why}"
            )
        client.acknowledge(messages)
        if client.dropped > dropped:
            kit.log.warning("mqtt.dropped", messages=client.dropped - dropped)
            dropped = client.dropped
        if client.refused and client.is_drained:
            raise NotAllTaken(f"{client.refused} messages did not fit")


def as_bytes(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload or "").encode()


def signal_of(topic: str, payload: bytes, *, retained: bool) -> Signal | None:
    """What one message says; `topic` without the root. None: nothing. Raises Unparseable."""
    if not payload:
        return None  # an empty message only takes a retained one away
    kind, _, rest = topic.partition("/")
    if kind == "alerts":
        layer, _, product = rest.partition("/")
        return alert_of(layer, product, payload)
    if kind in ("heartbeats", "telemetry"):
        return beat_of(rest, payload, retained=retained)
    return None


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


class Batches(asyncio.Queue[Any]):
    """Handed to aiomqtt as its queue. One `get` takes all that waits, so that aiomqtt's iterator,
    which costs a task for each item, gives whole batches and still notices a lost connection."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self.dropped = 0
        self.refused = 0

    def put_nowait(self, item: Any) -> None:
        if not self.full():
            super().put_nowait(item)
        elif item.qos:
            self.refused += 1  # not acknowledged, so it comes again on the next connection
        else:
            self.dropped += 1

    async def get(self) -> list[Any]:
        batch = [await super().get()]
        # The client reads one message each time the loop goes round. As long as each round brings
        # one, one commit for all of them costs less than one for a few.
        before = -1
        while before < self.qsize() < MOST - 1:
            before = self.qsize()
            await asyncio.sleep(0)
        while len(batch) < MOST and not self.empty():
            batch.append(self.get_nowait())
        return batch


class AckingClient:
    """One connection of aiomqtt 2.x that acknowledges only what it is told to."""

    def __init__(self, params: Mqtt) -> None:
        self.client = build_client(params)
        self.inner = inner_client(self.client)
        self.inner.manual_ack_set(True)
        self.batches = self.client.messages

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.client.__aexit__(kind, error, trace)

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Retained messages come with a new session only, not at each reconnection."""
        from paho.mqtt.subscribeoptions import SubscribeOptions

        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        granted = await self.client.subscribe([(topic, options) for topic in topics])
        for topic, code in zip(topics, granted, strict=True):
            if code_of(code) >= 128:
                raise Temporary(f"the broker refuses the subscription to {topic}: {code}")

    async def take(self) -> list[aiomqtt.Message]:
        """What waits, once there is something. Raises MqttError where the connection is lost."""
        return cast("list[aiomqtt.Message]", await anext(self.batches))

    def acknowledge(self, messages: Sequence[aiomqtt.Message]) -> None:
        for message in messages:
            if message.qos:
                self.inner.ack(message.mid, message.qos)

    @property
    def dropped(self) -> int:
        return cast("int", getattr(self.client._queue, "dropped", 0))

    @property
    def refused(self) -> int:
        return cast("int", getattr(self.client._queue, "refused", 0))

    @property
    def is_drained(self) -> bool:
        return self.client._queue.empty()


def code_of(reason: object) -> int:
    value = getattr(reason, "value", reason)
    return value if isinstance(value, int) else 255


def inner_client(client: aiomqtt.Client) -> Any:
    """The paho client inside. Raises Permanent where its acknowledgement is not to be had."""
    inner = getattr(client, "_client", None)
    for name in ("manual_ack_set", "ack"):
        if not callable(getattr(inner, name, None)):
            raise Permanent(
                f"this aiomqtt does not let us acknowledge after the commit (no {name}), and"
                " alerts would be lost at a crash; install aiomqtt>=2.5,<3"
            )
    return inner


def build_client(params: Mqtt) -> aiomqtt.Client:
    import aiomqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = int(params.session_expiry_seconds)
    properties.ReceiveMaximum = MOST
    properties.MaximumPacketSize = LARGEST_PACKET
    return aiomqtt.Client(
        params.host,
        params.port,
        identifier=params.client_id,
        username=params.username,
        password=password_of(params),
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=properties,
        keepalive=int(params.keepalive_seconds),
        queue_type=Batches,
        max_queued_incoming_messages=MOST_WAITING,
        tls_context=tls_of(params),
    )


def password_of(params: Mqtt) -> str | None:
    """Read at each connection, so that a rotated secret needs no restart."""
    if params.password_file is None:
        return None
    return Path(params.password_file).read_text(encoding="utf-8").strip()


def tls_of(params: Mqtt) -> ssl.SSLContext | None:
    if not params.tls:
        return None
    context = ssl.create_default_context(cafile=params.ca_file)
    if params.certificate_file is not None:
        context.load_cert_chain(params.certificate_file, params.key_file)
    return context
