"""The programs of the company, and that their faults are real."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from agent.interface.demo.company.front import Front
from agent.interface.demo.company.ledger import Book
from agent.interface.demo.company.service import Lately, guarded
from agent.interface.demo.company.worker import Worker


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    for name, value in {
        "PRODUCT": "shop",
        "VERSION": "v1",
        "LEDGER": "http://127.0.0.1:9",
        "QUEUE": str(tmp_path / "queue"),
        "CONFIG": str(tmp_path / "worker.json"),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "worker.json").write_text('{"fee_percent": 2.5}')
    return Front()


def test_a_refund_blocks_every_request_for_ever(front: Front) -> None:
    threading.Thread(target=front.refund, args=({"amount": 0},), daemon=True).start()
    asked = threading.Thread(target=front.health, args=({},), daemon=True)
    asked.start()
    asked.join(0.3)
    assert asked.is_alive()


def test_version_2_fails_every_order(front: Front) -> None:
    front.version = "v2"
    assert front.order({"amount": 5})[0] == 500
    assert front.lately.failed_share() == 1.0


def test_without_the_ledger_an_order_is_refused(front: Front) -> None:
    assert front.order({"amount": 5})[0] == 503


def test_a_poisoned_configuration_stays_poison_until_a_start(front: Front, tmp_path: Path) -> None:
    worker, place = Worker(), tmp_path / "worker.json"
    fees = []
    for second, written in enumerate(("2.5", '"2,5"', "2.50"), start=1):
        place.write_text(f'{{"fee_percent": {written}}}')
        os.utime(place, (second, second))
        worker.read_config()
        fees.append(worker.fee_percent)
    assert fees == [2.5, None, None]
    (worker.queue / "1.json").write_text('{"amount": 1}')
    with pytest.raises(ValueError, match="fee_percent"):
        worker.settle(worker.waiting()[0])


def test_version_2_of_the_worker_completes_nothing_and_says_nothing(front: Front) -> None:
    worker = Worker()
    worker.version = "v2"
    worker.read_config()
    (worker.queue / "1.json").write_text('{"amount": 1}')
    worker.settle(worker.waiting()[0])
    assert worker.waiting() == []
    assert worker.completed is None
    assert worker.lately.failed_share() == 0.0


def test_the_ledger_keeps_its_counters_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    assert Book(path).add({"key": "a"}) == (200, {"value": 1})
    assert Book(path).add({"key": "a", "by": 0}) == (200, {"value": 1})
    assert json.loads(path.read_text()) == {"a": 1}


def test_nothing_done_is_nothing_failed() -> None:
    lately = Lately()
    assert lately.failed_share() == 0.0
    lately.add(ok=False)
    lately.add(ok=True)
    assert lately.failed_share() == 0.5


def test_a_route_that_raises_is_a_500(capsys: pytest.CaptureFixture[str]) -> None:
    book = Book(Path("/nowhere"))
    assert guarded("/add", book.add, {})[0] == 500
    assert "ERROR /add: KeyError" in capsys.readouterr().out
