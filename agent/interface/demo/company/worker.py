"""A worker: takes orders from the queue, adds the fee of its configuration, completes them in the
ledger, and tells Homeostat how many are completed: the number the product is there for.

It reads its configuration again whenever the file changes. One that cannot be read leaves it
without a fee, and every order fails, until it is started again. Version v2 has a fault that no
probe sees: it sets every order aside "to be confirmed", and nobody confirms.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.interface.demo.company.service import (
    Lately,
    Reply,
    Voice,
    call,
    in_background,
    say,
    serve,
    setting,
)

METRIC = "orders_completed"
IDLE_SECONDS = 0.05
RETRY_SECONDS = 0.25
TELL_SECONDS = 0.5


class Worker:
    def __init__(self) -> None:
        self.product = setting("PRODUCT")
        self.version = setting("VERSION")
        self.ledger = setting("LEDGER")
        self.queue = Path(setting("QUEUE"))
        self.queue.mkdir(parents=True, exist_ok=True)
        self.config = Path(setting("CONFIG"))
        self.read_at = 0
        self.fee_percent: float | None = None
        self.completed: int | None = None
        self.lately = Lately()
        self.pause = threading.Event()

    def health(self, _asked: Mapping[str, Any]) -> Reply:
        return 200, {"version": self.version}

    def stats(self, _asked: Mapping[str, Any]) -> Reply:
        return 200, {
            "failed_share": self.lately.failed_share(),
            "waiting": len(self.waiting()),
            "completed": self.completed,
            "version": self.version,
        }

    def waiting(self) -> list[Path]:
        return sorted(self.queue.glob("*.json"))

    def work_for_ever(self) -> None:
        while True:
            self.read_config()
            orders = self.waiting()
            if not orders:
                self.pause.wait(IDLE_SECONDS)
                continue
            try:
                self.settle(orders[0])
            except (OSError, ValueError) as error:
                say(f"ERROR {orders[0].stem} failed: {error}")
                self.lately.add(ok=False)
                self.pause.wait(RETRY_SECONDS)
            else:
                self.lately.add(ok=True)

    def read_config(self) -> None:
        changed_at = self.config.stat().st_mtime_ns
        if changed_at == self.read_at:
            return
        first, self.read_at = self.read_at == 0, changed_at
        if not first and self.fee_percent is None:
            return  # what it could not read once it does not try again
        try:
            self.fee_percent = float(json.loads(self.config.read_text())["fee_percent"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.fee_percent = None
            say(f"ERROR configuration {self.config.name}: {error}")

    def settle(self, path: Path) -> None:
        order = json.loads(path.read_text())
        if self.fee_percent is None:
            raise ValueError("no valid fee_percent in the configuration")
        if self.version == "v2":
            self.set_aside(path)
            return
        order["total"] = round(order["amount"] * (1 + self.fee_percent / 100), 2)
        self.completed = self.count(1)
        path.unlink()

    def set_aside(self, path: Path) -> None:
        aside = self.queue / "to-be-confirmed"
        aside.mkdir(exist_ok=True)
        path.replace(aside / path.name)

    def count(self, by: int) -> int:
        key = f"{self.product}-completed"
        return int(call(f"{self.ledger}/add", {"key": key, "by": by})["value"])

    def tell_for_ever(self) -> None:
        voice = Voice(f"{self.product}-worker")
        while True:
            if self.completed is None:
                self.begin_counting()
            else:
                data = {"product": self.product, "metric": METRIC, "value": self.completed}
                voice.tell("homeostat.outcome", data)
            self.pause.wait(TELL_SECONDS)

    def begin_counting(self) -> None:
        try:
            before = self.count(0)
        except OSError:
            return
        if self.completed is None:
            self.completed = before


def main() -> None:
    worker = Worker()
    say(f"worker {worker.version} begins")
    in_background(worker.work_for_ever, "work")
    in_background(worker.tell_for_ever, "telling")
    serve(int(setting("PORT")), {"/health": worker.health, "/stats": worker.stats})


if __name__ == "__main__":
    main()
