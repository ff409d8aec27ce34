"""The recording server as a process of its own. It ends when it is told to."""

from __future__ import annotations

import argparse
import asyncio
import signal

from tests.support.recording.server import recording


async def serve(port: int) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, over.set)
    async with recording(port=port) as keeper:
        print(keeper.url, flush=True)
        await over.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0, help="0: a free one, which is printed")
    asyncio.run(serve(parser.parse_args().port))
