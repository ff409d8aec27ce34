"""A small service that breaks for real: it stops answering, fails its work, or dies.

    python breakable.py --port 8000 --name shop [--version v2] [--config FILE] [--broken MODE]

It works all the time by itself (20 pieces a second), so that its metrics move without callers.

    GET /health         200 {"ok": true, "version": ...}, or 503 while its work fails
    GET /metrics        Prometheus text: breakable_work_total{result}, breakable_queue_depth, ...
    GET /break?mode=M   hang: answers nobody any more · errors: all work fails and the queue grows
                        · crash: ends with code 3
    SIGUSR1             the same as /break?mode=hang
    SIGUSR2             the same as /break?mode=errors

A breakage lives in its memory: only a restart heals it. With `--broken MODE` it starts broken (a
bad release; the variables VERSION and BROKEN say the same as the options); with `--config FILE` it
is broken with `errors` while the file holds `"bad": true` at start (a poisoned configuration).
Standard library only, so that any Python can run it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

MODES = ("hang", "errors", "crash")
WORK_SECONDS = 0.05


class Service:
    """What the process does, and what is wrong with it."""

    def __init__(self, name: str, version: str, broken: str | None) -> None:
        self.name = name
        self.version = version
        self.done = 0
        self.failed = 0
        self.queue = 0
        self.failing = threading.Event()
        self.hung = threading.Event()
        if broken is not None:
            self.break_it(broken)

    def break_it(self, mode: str) -> None:
        if mode == "crash":
            os._exit(3)
        (self.hung if mode == "hang" else self.failing).set()

    def work_forever(self) -> None:
        pause = threading.Event()
        while not pause.wait(WORK_SECONDS):
            if self.hung.is_set():
                continue
            if self.failing.is_set():
                self.failed += 1
                self.queue += 10
            else:
                self.done += 1
                self.queue = max(0, self.queue - 10)

    def metrics(self) -> str:
        own = f'service="{self.name}"'
        return (
            "# TYPE breakable_work_total counter\n"
            f'breakable_work_total{{{own},result="done"}} {self.done}\n'
            f'breakable_work_total{{{own},result="failed"}} {self.failed}\n'
            "# TYPE breakable_queue_depth gauge\n"
            f"breakable_queue_depth{{{own}}} {self.queue}\n"
            "# TYPE breakable_build_info gauge\n"
            f'breakable_build_info{{{own},version="{self.version}"}} 1\n'
        )


def door(service: Service) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            while service.hung.is_set():
                # Held for ever, as a deadlocked service holds its callers.
                threading.Event().wait(60)
            where = urlsplit(self.path)
            if where.path == "/metrics":
                self.answer(200, service.metrics(), "text/plain; version=0.0.4")
            elif where.path == "/break":
                mode = parse_qs(where.query).get("mode", [""])[0]
                known = mode in MODES
                if known and mode != "crash":
                    service.break_it(mode)  # whoever is answered finds it broken
                self.answer(200 if known else 400, json.dumps({"mode": mode, "known": known}))
                if mode == "crash":
                    service.break_it(mode)
            elif where.path == "/health":
                ok = not service.failing.is_set()
                self.answer(200 if ok else 503, json.dumps({"ok": ok, "version": service.version}))
            else:
                self.answer(404, "{}")

        def answer(self, status: int, text: str, kind: str = "application/json") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes every second would drown what matters in the log."""

    return Door


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", default="shop")
    parser.add_argument("--version", default=os.environ.get("VERSION", "v1"))
    parser.add_argument("--broken", choices=MODES, default=os.environ.get("BROKEN"))
    parser.add_argument("--config", type=Path)
    given = parser.parse_args()

    broken = given.broken
    if given.config is not None and json.loads(given.config.read_text()).get("bad"):
        broken = "errors"
    service = Service(given.name, given.version, broken)
    signal.signal(signal.SIGUSR1, lambda *_: service.break_it("hang"))
    signal.signal(signal.SIGUSR2, lambda *_: service.break_it("errors"))
    server = ThreadingHTTPServer(("127.0.0.1", given.port), door(service))
    server.daemon_threads = True
    threading.Thread(target=service.work_forever, daemon=True).start()
    print(f"{given.name} {given.version} on {given.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
