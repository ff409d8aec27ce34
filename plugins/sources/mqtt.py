"""MQTT 5: alerts, heartbeats and telemetry from a broker, acknowledged after the commit.

A broker keeps a QoS 1 message until it is acknowledged. aiomqtt 2.x acknowledges when a message
enters its queue, before anybody has handled it, and loses 900 of 1,000 at a crash (faults study,
M1). The way out needs two calls of the paho client inside of it; `AckingClient` is the only place
that knows them, refuses to start without them, and a contract test watches them.

The flow is one loop: take what waits (up to `MOST` messages), emit all of it at once, acknowledge
all of it. While one batch is committed the next gathers. Where the store cannot write nothing is
acknowledged and the connection is closed: the broker sends it all again on the next one. The
session outlives the connection, so messages wait in the broker while Homeostat is away.

A topic names who speaks and is what a broker's access list checks, so a payload that says something
else is put in quarantine (agent/ports/mqtt_topics.py).

A broker may answer every ping and deliver nothing. So a connection shows life only by a message of
our own that went through the broker and came back (`loop/{client_id}`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import Field

from agent.model.alert import Alive, Signal
from agent.model.errors import Permanent, StoreUnavailable, Temporary, Unparseable
from agent.ports.kit import SourceKit
from agent.ports.mqtt_topics import GROUP, shown_by, signal_of
from agent.ports.pauses import LONGEST_WAIT_SECONDS, wait_seconds
from agent.ports.plugin import Params, stream_source

if TYPE_CHECKING:
    import aiomqtt

MOST = 500
"""Messages the broker may have on the way to us, and so the most in one commit."""
MOST_WAITING = 4 * MOST
"""Bound of the queue. What QoS 0 brings beyond it is dropped. QoS 1 should not reach it, but after
a lost connection Mosquitto 2.0.11 sends its whole backlog whatever was agreed: then the connection
is opened anew, since the broker sends again, but only then, what was not acknowledged."""
LARGEST_PACKET = 2 * 1024 * 1024
SIGN_SECONDS = 30.0
"""Between two signs of life of a connection; so long a message has to go to the broker and back."""

MOST_BACK = 10
Back = asyncio.Queue[bytes]
"""What came back of the messages we sent ourselves."""


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
                back = Back(MOST_BACK)
                loop = f"{params.root}loop/{params.client_id}"
                signs = asyncio.create_task(show_life(kit, client, back, loop))
                try:
                    await receive(kit, client, root=params.root, loop=loop, back=back)
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


async def show_life(
    kit: SourceKit, client: AckingClient, back: Back, topic: str, *, every: float = SIGN_SECONDS
) -> None:
    """A sign of life for each message of ours that came back; none while they do not, so that the
    source goes blind like any other that fell silent. What the broker delivers is heard anyway."""
    is_heard = False
    while True:
        sign = str(kit.now()).encode()
        try:
            if not is_heard:
                await client.subscribe([topic])
                is_heard = True
            await client.send(topic, sign, expiry_seconds=int(2 * every) + 1)
            async with asyncio.timeout(every):
                while await back.get() != sign:
                    pass  # what is left of earlier ones says nothing
            await kit.emit([Alive(source="")])
        except (Temporary, TimeoutError) as error:
            kit.log.warning("mqtt.nothing_comes_back", topic=topic, why=str(error))
        except StoreUnavailable as error:
            kit.log.warning("mqtt.sign_not_stored", why=str(error))
        await kit.sleep(every)


async def receive(
    kit: SourceKit, client: AckingClient, *, root: str, loop: str = "", back: Back | None = None
) -> None:
    """Ends only by an error: the connection was lost, or the store cannot write."""
    await client.subscribe([f"{root}alerts/+/+", f"{root}heartbeats/+", f"{root}telemetry/+"])
    dropped = 0
    while True:
        messages = await client.take()
        signals: list[Signal] = []
        unread: list[tuple[aiomqtt.Message, str]] = []
        for message in messages:
            if back is not None and str(message.topic) == loop:
                if not back.full():
                    back.put_nowait(as_bytes(message.payload))
                continue
            try:
                signal = signal_of(
                    str(message.topic).removeprefix(root),
                    as_bytes(message.payload),
                    retained=message.retain,
                )
            except Unparseable as error:
                unread.append((message, str(error)))
                signal = shown_by(
                    str(message.topic).removeprefix(root), error, retained=message.retain
                )
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
        import aiomqtt
        from paho.mqtt.subscribeoptions import SubscribeOptions

        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        try:
            granted = await self.client.subscribe([(topic, options) for topic in topics])
        except aiomqtt.MqttError as error:
            raise Temporary(str(error)) from error
        for topic, code in zip(topics, granted, strict=True):
            if code_of(code) >= 128:
                raise Temporary(f"the broker refuses the subscription to {topic}: {code}")

    async def take(self) -> list[aiomqtt.Message]:
        """What waits, once there is something. Raises MqttError where the connection is lost."""
        return cast("list[aiomqtt.Message]", await anext(self.batches))

    async def send(self, topic: str, payload: bytes, *, expiry_seconds: int) -> None:
        """QoS 1, and thrown away by the broker where nobody took it in time. Raises Temporary."""
        import aiomqtt
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = expiry_seconds
        try:
            await self.client.publish(topic, payload, qos=1, properties=properties)
        except aiomqtt.MqttError as error:
            raise Temporary(str(error)) from error

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
