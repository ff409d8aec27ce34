"""Small processes that break for real, each in the way of one family.

    python breakable_part.py memory [--mib 60]      takes memory and keeps it
    python breakable_part.py cpu                    turns in an endless loop
    python breakable_part.py files                  opens files and never closes them
    python breakable_part.py queue --port P         stops taking from its queue, which grows
    python breakable_part.py tls --port P --file F  serves the certificate it read at its start
    python breakable_part.py crash                  ends with code 3 a moment after its start, where
                                                    the variable VERSION says v2
    python breakable_part.py backup --to FOLDER     writes a backup and ends; with code 1 while a
                                                    file `locked` lies in its working directory
    python breakable_part.py needy --to FOLDER      ends with code 4 when FOLDER lacks a file
    python breakable_part.py idle                   does nothing, which is what it is for

memory, cpu, files and queue work well until a SIGUSR1. What is broken then is broken in their
memory: only a new start heals it. Standard library only, so that any Python can run it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PIECE = 1024 * 1024
kept: list[Any] = []
broken = threading.Event()


def memory(given: argparse.Namespace) -> None:
    broken.wait()
    while len(kept) < given.mib:
        kept.append(bytearray(os.urandom(1024)) * (PIECE // 1024))
        time.sleep(0.002)
    threading.Event().wait()


def cpu(_given: argparse.Namespace) -> None:
    broken.wait()
    while True:
        pass


def files(_given: argparse.Namespace) -> None:
    broken.wait()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    while len(os.listdir("/proc/self/fd")) < soft * 0.95:
        kept.append(open("/dev/null"))  # noqa: SIM115 - left open on purpose
    threading.Event().wait()


class Queue:
    """Twenty pieces a second come in; all that wait are taken, as long as it takes any."""

    def __init__(self) -> None:
        self.waiting = 0
        self.taken = 0

    def come_in(self) -> None:
        while True:
            time.sleep(0.05)
            self.waiting += 1

    def take(self) -> None:
        while not broken.is_set():
            time.sleep(0.1)
            now = self.waiting
            self.waiting -= now
            self.taken += now
        threading.Event().wait()  # as one who waits for a lock that nobody gives back

    def health(self) -> dict[str, Any]:
        return {"queue": {"waiting": self.waiting, "taken": self.taken}}


def queue(given: argparse.Namespace) -> None:
    line = Queue()
    for work in (line.come_in, line.take):
        threading.Thread(target=work, daemon=True).start()
    serve(given.port, line.health)


def tls(given: argparse.Namespace) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(given.file)
    serve(given.port, lambda: {"ok": True}, context)


def crash(_given: argparse.Namespace) -> None:
    if os.environ.get("VERSION") == "v2":
        time.sleep(0.1)
        print("ERROR no field `amount_net`", flush=True)
        os._exit(3)
    threading.Event().wait()


def backup(given: argparse.Namespace) -> None:
    if Path("locked").exists():
        print("ERROR what is to be backed up is locked", flush=True)
        sys.exit(1)
    time.sleep(0.3)
    number = len(list(given.to.glob("backup-*")))
    (given.to / f"backup-{number}").write_bytes(os.urandom(4096))


def needy(given: argparse.Namespace) -> None:
    needed = len(os.listdir(given.to))
    while len(os.listdir(given.to)) >= needed:
        time.sleep(0.02)
    print("ERROR a file is missing", flush=True)
    os._exit(4)


def idle(_given: argparse.Namespace) -> None:
    threading.Event().wait()


def serve(port: int, answer: Any, context: ssl.SSLContext | None = None) -> None:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A line for every look would drown what matters in the log."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Door)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    print("ready", flush=True)
    server.serve_forever()


KINDS = (memory, cpu, files, queue, tls, crash, backup, needy, idle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=[kind.__name__ for kind in KINDS])
    parser.add_argument("--mib", type=int, default=60)
    parser.add_argument("--port", type=int)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--to", type=Path)
    given = parser.parse_args()
    signal.signal(signal.SIGUSR1, lambda *_: broken.set())
    work = next(kind for kind in KINDS if kind.__name__ == given.kind)
    if work not in (queue, tls):
        print("ready", flush=True)
    work(given)


if __name__ == "__main__":
    main()
