"""The folder of one run: the company's files with ports, tokens and paths filled in.

Everything is in one temporary folder that only its owner may read, and goes with it.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

import agent
from agent.catalog.strict_yaml import parse_all

PEOPLE = ("company", "alice", "bob", "carol", "dave", "erin", "guest")
PORTS = ("shop_front", "shop_worker", "pay_front", "pay_worker", "ledger")
WORKERS = ("shop", "pay")
GOOD_CONFIG = {"fee_percent": 2.5}
FAVOURITE_PORT = 8420
COMPANY = Path(__file__).parent / "company"


@dataclass(frozen=True)
class Layout:
    folder: Path
    port: int
    ports: Mapping[str, int]
    tokens: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Path:
        return self.folder / "settings.yaml"

    @property
    def catalog(self) -> Path:
        return self.folder / "catalog"

    @property
    def state(self) -> Path:
        """Where daemon and story both find the processes."""
        return self.folder / "var" / "processes"

    @property
    def pages(self) -> Path:
        return self.folder / "pages.jsonl"

    @property
    def daemon_log(self) -> Path:
        return self.folder / "homeostat.log"

    def address(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service.replace('-', '_')]}"

    def config(self, product: str) -> Path:
        return self.folder / product / "worker.json"


def free_ports(number: int) -> list[int]:
    """Ports nobody listens on now. All are held until all are known, so that none comes twice."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def console_port(wanted: int | None) -> int:
    """The one asked for; else the usual one where it is free; else (and for 0) any."""
    if wanted:
        return wanted
    usual = wanted is None and is_free(FAVOURITE_PORT)
    return FAVOURITE_PORT if usual else free_ports(1)[0]


def lay_out(folder: Path, *, port: int | None, runbooks: Path, without: Collection[str]) -> Layout:
    """Writes the files. `runbooks` is the folder whose runbooks are used, but those `without`."""
    layout = Layout(
        folder=folder,
        port=console_port(port),
        ports=dict(zip(PORTS, free_ports(len(PORTS)), strict=True)),
        tokens={name: secrets.token_urlsafe(18) for name in PEOPLE},
    )
    words = {
        **{name: str(number) for name, number in layout.ports.items()},
        **{f"token_{name}": token for name, token in layout.tokens.items()},
        "port": str(layout.port),
        "homeostat": layout.url,
        "pages": _quotable(layout.pages),
        "python": _quotable(Path(sys.executable)),
        "package_root": _quotable(Path(agent.__file__).resolve().parent.parent),
    }
    for name, place in (
        ("settings.yaml", layout.settings),
        ("tokens.yaml", folder / "tokens.yaml"),
        ("catalog-info.yaml", layout.catalog / "catalog-info.yaml"),
    ):
        written = Template((COMPANY / name).read_text()).substitute(words)
        write_privately(place, written)
    write_privately(folder / "company.token", layout.tokens["company"])
    for product in WORKERS:
        write_privately(layout.config(product), json.dumps(GOOD_CONFIG) + "\n")
    copy_runbooks(runbooks, folder / "runbooks", without=without)
    return layout


def write_privately(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _quotable(path: Path) -> str:
    """As it stands between double quotes in YAML."""
    return json.dumps(str(path), ensure_ascii=False)[1:-1]


def runbook_names(folder: Path) -> dict[str, Path]:
    """Name of each runbook of the folder, with its file."""
    found = {}
    for path in sorted(folder.rglob("*.yaml")):
        for document in parse_all(path.read_bytes(), file=str(path)):
            metadata = document.data.get("metadata") if isinstance(document.data, dict) else None
            if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
                found[metadata["name"]] = path
    return found


def copy_runbooks(source: Path, to: Path, *, without: Collection[str]) -> None:
    to.mkdir()
    for name, path in runbook_names(source).items():
        if name not in without:
            shutil.copyfile(path, to / f"{name}.yaml")
