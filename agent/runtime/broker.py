"""One connection to the broker of the `mqtt` source, for what Homeostat says by retained messages.

It has a client id of its own, so that it and the source do not throw each other out. What stands
retained under its topics is held here; whoever asks for it waits for a message of our own to go to
the broker and back first, because only then everything that was on its way has come. What is put
counts as said once it came back: aiomqtt does not tell whether a broker refused a message, and
Mosquitto acknowledges what its access list then drops.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from agent.catalog.settings import Use
from agent.model.errors import Temporary
from agent.ports.clock import Clock
from agent.ports.pauses import LONGEST_WAIT_SECONDS, wait_seconds

if TYPE_CHECKING:
    import aiomqtt

log = structlog.get_logger("broker")

SOURCE = "mqtt"
CONTROL = "control/"
INCIDENTS = "incidents/"
OWN = "-says"
"""After the client id of the source: the client id of this connection."""
ANSWER_SECONDS = 5.0
"""A broker that takes longer is not there."""
LATE_SECONDS = 0.3
"""Some brokers send what is retained a moment after they have confirmed a subscription."""
LARGEST_BODY = 64 * 1024
MOST_HELD = 20_000
"""Retained messages that are kept: whoever may write to the broker does not fill this memory."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """Where the source `mqtt` connects to, by the keys and defaults of its parameters."""

    host: str
    port: int = 1883
    root: str = "homeostat/"
    client_id: str = "homeostat"
    username: str | None = None
    password_file: str | None = None
    tls: bool = False
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    keepalive_seconds: float = 30.0


def connection_of(sources: Sequence[Use]) -> Connection | None:
    """That of the first source `mqtt`; None where there is none, or where its parameters are wrong,
    which is said where the source is started."""
    for use in sources:
        if use.use == SOURCE:
            with suppress(msgspec.ValidationError):
                return msgspec.convert(dict(use.params), Connection)
    return None


class Broker:
    """Connects when it is first needed, and stays connected until it is closed."""

    def __init__(
        self, connection: Connection, clock: Clock, *, came_up: Callable[[], None] = lambda: None
    ) -> None:
        self.at, self._clock = connection, clock
        self.name = f"{connection.client_id}{OWN}"
        self.came_up = came_up
        """Called after each connection, once what stands retained is held."""
        self.held: dict[str, bytes] = {}
        """By topic without the root: what stands retained there."""
        self._loop_topic = f"loop/{self.name}"
        self._client: aiomqtt.Client | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._told: dict[str, list[tuple[bytes, asyncio.Future[None]]]] = {}
        self._sent = 0
        self._why = "no connection yet"

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="broker")

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def up(self) -> None:
        """Returns once it is connected."""
        self.start()
        await self._up.wait()

    async def read(self, topic: str) -> bytes:
        """What stands retained there now; empty: nothing. Raises Temporary where the broker does
        not answer in time."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.up()
                await self._round_trip()
        except TimeoutError:
            raise Temporary(self._no_answer()) from None
        return self.held.get(topic, b"")

    async def put(self, topic: str, body: bytes) -> None:
        """Retained, QoS 1, for as long as nobody replaces it. Returns once it stands there; raises
        Temporary where that is not seen in time, and it may stand there all the same."""
        came = asyncio.get_running_loop().create_future()
        entry = (body, came)
        self._told.setdefault(topic, []).append(entry)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.up()
                await self.send(topic, body)
                await came
        except TimeoutError:
            raise Temporary(
                f"{self._no_answer()}, or it does not let {self.name} write and read {topic}"
            ) from None
        finally:
            self._told[topic].remove(entry)
            if not self._told[topic]:
                del self._told[topic]

    async def send(self, topic: str, body: bytes) -> None:
        """The same, without looking whether it stands there."""
        import aiomqtt  # with paho it takes 60 ms and 10 MB: only where a broker is configured

        client = self._client
        if client is None:
            raise Temporary(self._no_answer())
        try:
            await client.publish(f"{self.at.root}{topic}", body, qos=1, retain=True)
        except aiomqtt.MqttError as error:
            raise Temporary(f"{self._no_answer()}: {error}") from error

    def _no_answer(self) -> str:
        why = f" ({self._why})" if self._why else ""
        return f"the broker at {self.at.host}:{self.at.port} does not answer{why}"

    async def _round_trip(self) -> None:
        import aiomqtt

        client = self._client
        if client is None:
            raise Temporary(self._no_answer())
        self._sent += 1
        sign = str(self._sent).encode()
        came = self._waiting[sign] = asyncio.get_running_loop().create_future()
        try:
            await client.publish(f"{self.at.root}{self._loop_topic}", sign, qos=1)
            await came
        except aiomqtt.MqttError as error:
            raise Temporary(f"{self._no_answer()}: {error}") from error
        finally:
            self._waiting.pop(sign, None)

    async def _run(self) -> None:
        import aiomqtt

        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                async with build_client(self.at, self.name) as client:
                    await self._listen(client)
            except (aiomqtt.MqttError, OSError, ValueError, TimeoutError) as error:
                self._why = str(error) or type(error).__name__
            finally:
                self._client = None
                self._up.clear()
            lasted = self._clock.monotonic() - began
            failures = 0 if lasted > LONGEST_WAIT_SECONDS else failures + 1
            wait = wait_seconds(self.name, failures)
            log.warning("broker_lost", why=self._why[:300], next_try_seconds=round(wait, 2))
            await self._clock.sleep(wait)

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Ends only by an error: the connection was lost."""
        self.held.clear()
        root = self.at.root
        reading = asyncio.create_task(self._take_all(client))
        try:
            topics = (self._loop_topic, f"{CONTROL}+", f"{INCIDENTS}+")
            await client.subscribe([(f"{root}{topic}", 1) for topic in topics])
            self._client = client
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._round_trip()
            await self._clock.sleep(LATE_SECONDS)
            self._why = ""
            self._up.set()
            log.info("broker_connected", host=self.at.host, port=self.at.port)
            self.came_up()
            await reading
        except Temporary as error:
            raise OSError(str(error)) from error
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _take_all(self, client: aiomqtt.Client) -> None:
        root = self.at.root
        async for message in client.messages:
            body = message.payload if isinstance(message.payload, bytes) else b""
            self._take(str(message.topic).removeprefix(root), body)

    def _take(self, topic: str, body: bytes) -> None:
        if topic == self._loop_topic:
            came = self._waiting.get(body)
            if came is not None and not came.done():
                came.set_result(None)
            return
        if body:
            if topic in self.held or len(self.held) < MOST_HELD:
                self.held[topic] = body[:LARGEST_BODY]
        else:
            self.held.pop(topic, None)
        for wanted, seen in self._told.get(topic, ()):
            if wanted == body and not seen.done():
                seen.set_result(None)


def build_client(at: Connection, name: str) -> aiomqtt.Client:
    """Password and keys are read at each connection, so that a rotated secret needs no restart."""
    import aiomqtt

    password = None
    if at.password_file is not None:
        password = Path(at.password_file).read_text(encoding="utf-8").strip()
    return aiomqtt.Client(
        at.host,
        at.port,
        identifier=name,
        username=at.username,
        password=password,
        protocol=aiomqtt.ProtocolVersion.V5,
        keepalive=int(at.keepalive_seconds),
        tls_context=_tls(at),
        timeout=ANSWER_SECONDS,
    )


def _tls(at: Connection) -> ssl.SSLContext | None:
    if not at.tls:
        return None
    context = ssl.create_default_context(cafile=at.ca_file)
    if at.certificate_file is not None:
        context.load_cert_chain(at.certificate_file, at.key_file)
    return context
