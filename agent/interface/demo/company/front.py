"""A front: takes orders over HTTP, numbers them in the ledger, puts them in the queue.

It has two real faults. Refunds lock the till twice, so that the first one that comes blocks every
request for ever (nobody sends one until the story does). And version v2 reads a field of an order
that nobody sends.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.interface.demo.company.service import Lately, Reply, call, say, serve, setting


class Front:
    def __init__(self) -> None:
        self.product = setting("PRODUCT")
        self.version = setting("VERSION")
        self.ledger = setting("LEDGER")
        self.queue = Path(setting("QUEUE"))
        self.queue.mkdir(parents=True, exist_ok=True)
        self.till = threading.Lock()
        self.cash = 0.0
        self.lately = Lately()

    def health(self, _asked: Mapping[str, Any]) -> Reply:
        with self.till:
            return 200, {"version": self.version, "cash": self.cash}

    def stats(self, _asked: Mapping[str, Any]) -> Reply:
        with self.till:
            return 200, {"failed_share": self.lately.failed_share(), "version": self.version}

    def order(self, asked: Mapping[str, Any]) -> Reply:
        try:
            number = self.take(asked)
        except OSError as error:
            say(f"ERROR order refused: {error}")
            self.lately.add(ok=False)
            return 503, {"error": "the ledger does not answer"}
        except KeyError as error:
            say(f"ERROR order failed: KeyError: {error}")
            self.lately.add(ok=False)
            return 500, {"error": "internal error"}
        self.lately.add(ok=True)
        return 200, {"number": number}

    def take(self, asked: Mapping[str, Any]) -> int:
        amount = float(asked["amount_net"] if self.version == "v2" else asked["amount"])
        number = int(call(f"{self.ledger}/add", {"key": f"{self.product}-orders"})["value"])
        self.book(amount)
        written = self.queue / f"{number:08d}.new"
        written.write_text(json.dumps({"number": number, "amount": amount}))
        written.replace(written.with_suffix(".json"))
        return number

    def book(self, amount: float) -> None:
        with self.till:
            self.cash += amount

    def refund(self, asked: Mapping[str, Any]) -> Reply:
        amount = float(asked["amount"])
        with self.till:
            if amount <= self.cash:
                self.book(-amount)  # locks the till again, and it is no lock that lets one in twice
        return 200, {"refunded": amount}


def main() -> None:
    front = Front()
    say(f"front {front.version} opens")
    serve(
        int(setting("PORT")),
        {
            "/health": front.health,
            "/stats": front.stats,
            "/orders": front.order,
            "/refunds": front.refund,
        },
    )


if __name__ == "__main__":
    main()
