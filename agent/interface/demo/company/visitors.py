"""The world outside: visitors who order at every front, four times a second, and never give up.

They are no part of the company and nobody watches them. They go when whoever sent them is gone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time

from agent.interface.demo.company.service import call

EVERY_SECONDS = 0.25
PATIENCE_SECONDS = 1.0


def visit(front: str) -> None:
    number = 0
    while True:
        number += 1
        with contextlib.suppress(OSError):  # it may be better next time
            call(f"{front}/orders", {"amount": 5 + number % 7}, seconds=PATIENCE_SECONDS)
        time.sleep(EVERY_SECONDS)


def main() -> None:
    sender = os.getppid()
    for front in sys.argv[1:]:
        threading.Thread(target=visit, args=(front,), daemon=True).start()
    while os.getppid() == sender:
        time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    main()
