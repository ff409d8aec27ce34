"""What the settings ask of plugins is held against the plugins, and what a reload takes over."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent.catalog.settings import Settings, load_settings
from agent.model.fault import FaultSeverity
from agent.runtime.reading import load_plugins
from agent.runtime.uses import faults_of_uses, renewed


def settings(folder: Path, text: str) -> Settings:
    path = folder / "homeostat.yaml"
    path.write_text(text)
    return load_settings(path, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("notify: {t: [{use: webhok}]}", "HS406 there is no plugin 'webhok' (did you mean"),
        ("notify: {t: [{use: mqtt}]}", "HS408 mqtt is a stream source, no notifier"),
        ("sources: [{use: file, with: {path: x}}]", "HS408 file is a notifier, no source"),
        (
            "notify: {t: [{use: webhook, with: {urll: x}}]}",
            'HS409 webhook: parameter urll: is not known (did you mean "url"?)',
        ),
        ("sources: [{use: mqtt}]", "HS409 mqtt: parameter host: is missing (add it under with)"),
        (
            "sources: [{use: mqtt, with: {host: h, port: many}}]",
            "HS409 mqtt: parameter port: Input should be a valid integer",
        ),
    ],
)
def test_a_use_that_cannot_work_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    wanted = settings(tmp_path, f"log: {{level: info}}\n{text}\n")
    (fault,) = faults_of_uses(wanted, load_plugins(wanted).plugins)
    assert str(fault).startswith(f"{tmp_path}/homeostat.yaml:2:1: {said}")
    assert fault.remedy


def test_a_secret_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    text = "notify: {t: [{use: webhook, secrets: {url: {env: NOT_SET_ANYWHERE}}}]}\n"
    wanted = settings(tmp_path, text)
    (fault,) = faults_of_uses(wanted, load_plugins(wanted).plugins)
    assert fault.severity is FaultSeverity.WARNING
    assert "NOT_SET_ANYWHERE" in str(fault)


def test_a_reload_takes_rules_over_and_names_what_waits(tmp_path: Path) -> None:
    source = "sources: [{use: mqtt, with: {host: h}}]\n"
    old = settings(tmp_path, "runbooks: [a]\n" + source)
    moved = "# a line more\n"
    fresh = settings(
        tmp_path,
        moved + source + "shipped_runbooks: false\npolicy: {cooldown: 1h}\nlisten: 127.0.0.1:1\n",
    )
    taken, waiting = renewed(old, fresh)
    assert (taken.runbooks, taken.shipped_runbooks) == ((), False)
    assert taken.policy == fresh.policy != old.policy
    assert taken.listen == old.listen
    assert set(waiting) <= {"host", "port", "link"}
    assert "port" in waiting
    assert renewed(old, msgspec.structs.replace(old)) == (old, ())
