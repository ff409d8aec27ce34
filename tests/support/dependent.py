"""A small service that stands on another one: it works as long as that one works.

    python dependent.py --port 8001 --name a-web --needs http://127.0.0.1:8000

    GET /health        200, or 503 while it is broken or what it needs does not answer with 200
    GET /metrics       dependent_ok{service} 1 or 0 · dependent_stuck{service}
    GET /break?mode=M  code: fails until it is mended · stuck: does nothing until it is restarted
                       · mend: works again

Standard library only, so that any Python can run it.
"""

from __future__ import annotations

import argparse
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LOOK_SECONDS = 0.25
MODES = ("code", "stuck", "mend")


class Service:
    def __init__(self, name: str, needs: str | None) -> None:
        self.name, self.needs = name, needs
        self.mode = "mend"
        self.is_served = needs is None

    def look_forever(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            try:
                with urllib.request.urlopen(f"{self.needs}/health", timeout=1) as reply:
                    self.is_served = reply.status == 200
            except OSError:
                self.is_served = False

    @property
    def ok(self) -> bool:
        return self.mode == "mend" and self.is_served

    def metrics(self) -> str:
        own = f'{{name="{self.name}"}}'
        return (
            f"dependent_ok{own} {int(self.ok)}\ndependent_stuck{own} {int(self.mode == 'stuck')}\n"
        )


def door(service: Service) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/metrics":
                self._answer(200, service.metrics())
            elif parts.path == "/break":
                mode = parse_qs(parts.query).get("mode", [""])[0]
                service.mode = mode if mode in MODES else service.mode
                self._answer(200 if mode in MODES else 400, mode)
            else:
                self._answer(200 if service.ok else 503, service.mode)

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Door


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--needs")
    told = parser.parse_args()
    service = Service(told.name, told.needs)
    if told.needs is not None:
        threading.Thread(target=service.look_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", told.port), door(service)).serve_forever()


if __name__ == "__main__":
    main()
