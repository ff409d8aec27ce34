"""The peer for MQTT: aiomqtt's plain iterator, which decodes each message and does nothing more.

    mqtt_peer.py PORT CLIENT_ID MESSAGES

Prints messages a second, from the connection on: while it still subscribes, the backlog already
comes in, and is acknowledged. It acknowledges before it has handled a
message, and so loses what it holds at a crash; that makes it the faster peer, not the slower one.
"""

from __future__ import annotations

import asyncio
import sys
import time

import aiomqtt
import msgspec


async def main(port: int, name: str, messages: int) -> None:
    decode = msgspec.json.Decoder().decode
    taken = 0
    began = time.perf_counter()
    async with aiomqtt.Client("127.0.0.1", port, identifier=name, clean_session=False) as client:
        await client.subscribe("homeostat/alerts/+/+", qos=1)
        async for message in client.messages:
            decode(message.payload)
            taken += 1
            if taken == messages:
                break
    print(messages / (time.perf_counter() - began))


asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
