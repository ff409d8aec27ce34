from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.catalog.process_block import ProcessBlock, compile_process
from agent.model.errors import Permanent
from agent.model.product import Entity, EntityKind
from agent.runtime.process_spec import launch_of, spec_of


def entity(block: object, health_url: str | None = None) -> Entity:
    return Entity(
        name="web",
        kind=EntityKind.SERVICE,
        product="shop",
        owner="team-shop",
        health_url=health_url,
        process=block,  # type: ignore[arg-type]
    )


def test_what_the_catalog_compiles_is_understood(tmp_path: Path) -> None:
    written = {
        "command": [sys.executable, "app.py"],
        "cwd": "app",
        "env": {"PORT": 8080, "MODE": "live"},
        "version": "v1",
        "versions": {"v1": {}, "v2": {"command": [sys.executable, "new.py"], "env": {"MODE": "x"}}},
        "log": "app.log",
        "config": "app.conf",
        "health_url": "http://127.0.0.1:1/health",
        "hung_after": "500ms",
        "stop_grace": "1m",
    }
    (tmp_path / "app").mkdir()
    spec = spec_of(entity(compile_process(ProcessBlock.model_validate(written), tmp_path)))
    assert spec.hung_after_seconds == 0.5
    assert spec.stop_grace_seconds == 60.0
    assert spec.path(spec.log) == tmp_path / "app" / "app.log"
    assert spec.path(spec.config) == tmp_path / "app" / "app.conf"
    assert spec.health_url == "http://127.0.0.1:1/health"
    first, second = launch_of("web", spec, "v1"), launch_of("web", spec, "v2")
    assert first.command[-1] == "app.py"
    assert second.command[-1] == "new.py"
    assert first.env["PORT"] == second.env["PORT"] == "8080"
    assert (first.env["MODE"], second.env["MODE"]) == ("live", "x")
    assert first.cwd == str(tmp_path / "app")


def test_the_health_address_of_the_entity_counts_where_the_block_has_none() -> None:
    block = {"command": ["sleep", "1"]}
    assert spec_of(entity(block)).health_url is None
    assert spec_of(entity(block, "http://127.0.0.1:1/")).health_url == "http://127.0.0.1:1/"


def test_a_relative_program_is_looked_for_where_the_process_runs(tmp_path: Path) -> None:
    program = tmp_path / "serve"
    program.write_text("#!/bin/sh\n")
    spec = spec_of(entity({"command": ["./serve"], "cwd": str(tmp_path)}))
    with pytest.raises(Permanent, match="cannot be executed"):
        launch_of("web", spec, "")
    program.chmod(0o755)
    assert launch_of("web", spec, "").command == ("./serve",)


def test_a_version_that_is_not_declared_is_refused_with_those_that_are() -> None:
    spec = spec_of(entity({"command": ["sleep"], "version": "v1", "versions": {"v2": {}}}))
    assert launch_of("web", spec, "v1").command == ("sleep",)
    with pytest.raises(Permanent, match=r"declared: v1, v2"):
        launch_of("web", spec, "v3")
