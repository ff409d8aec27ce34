"""What is taken from the cache is what would have been read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent.catalog import runbook_cache
from agent.catalog.runbook_cache import RunbookCache, load_cached
from agent.catalog.runbooks import RunbookSet, load_runbooks
from agent.model.runbook import Truth
from agent.runtime.registry import (
    PluginRegistry,
    shipped_plugins_folder,
    shipped_runbooks_folder,
)

PLUGINS = PluginRegistry.load([shipped_plugins_folder()]).plugins


def plain(loaded: RunbookSet) -> list[bytes]:
    """Everything about the runbooks, with expressions as their text."""

    def text_of(value: object) -> str:
        return str(value.text)  # type: ignore[attr-defined]

    return [msgspec.json.encode(r, enc_hook=text_of) for r in loaded.runbooks]


def cached(folder: Path, file: Path) -> RunbookSet:
    cache = RunbookCache(file, PLUGINS)
    found = load_cached([folder], PLUGINS, cache)
    cache.save()
    return found


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be read from YAML any more."""

    def refuse(*_: object) -> None:
        raise AssertionError("this was read anew")

    monkeypatch.setattr(runbook_cache, "read_file", refuse)


def test_the_shipped_runbooks_come_out_as_they_went_in(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "cache" / "runbooks.msgpack"
    read = load_runbooks([shipped_runbooks_folder()], PLUGINS)
    assert plain(cached(shipped_runbooks_folder(), file)) == plain(read)
    request.getfixturevalue("unreadable")
    again = cached(shipped_runbooks_folder(), file)
    assert plain(again) == plain(read)
    assert again.places == read.places
    assert again.faults == read.faults


RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: NAME, owner: platform, layer: product, tier: low}
match: {alert: "NAME*", when: 'alert.labels.size != "small" && alert.labels.n == "7"'}
plans:
  stop:
    steps: [{id: stop, use: process.stop, with: {target: =alert.labels.service}}]
    verify: alert_cleared
"""


def written(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text(RUNBOOK.replace("NAME", name))
    return folder


def test_expressions_work_without_having_been_checked_again(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder, file = written(tmp_path / "r", "a"), tmp_path / "cache"
    cached(folder, file)
    request.getfixturevalue("unreadable")
    (found,) = cached(folder, file).runbooks
    labels = {"size": "big", "n": "7", "service": "web"}
    assert found.match.when is not None
    assert found.match.when({"alert": {"labels": labels}}) is Truth.TRUE
    assert found.match.when({"alert": {"labels": {**labels, "n": "8"}}}) is Truth.FALSE
    assert found.match.when({"alert": {"labels": {"n": "7"}}}) is Truth.UNKNOWN
    target = found.plans[0].steps[0].params["target"]
    assert target.evaluate({"alert": {"labels": labels}}) == "web"


def test_only_what_changed_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, file = written(tmp_path / "r", "a", "b"), tmp_path / "cache"
    cached(folder, file)
    read: list[str] = []
    real = runbook_cache.read_file

    def note(name: str, *rest: object) -> object:
        read.append(Path(name).name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(runbook_cache, "read_file", note)
    (folder / "b.yaml").write_text(RUNBOOK.replace("NAME", "c"))
    (folder / "a.yaml").rename(folder / "moved.yaml")
    found = cached(folder, file)
    assert read == ["b.yaml"]
    assert [(r.name, Path(r.path).name) for r in found.runbooks] == [
        ("a", "moved.yaml"),
        ("c", "b.yaml"),
    ]


def test_two_runbooks_of_one_file_keep_their_own_texts(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    both = RUNBOOK.replace("NAME", "a") + "---\n" + RUNBOOK.replace("NAME", "b")
    (folder / "both.yaml").write_text(both)
    first, again = (cached(folder, tmp_path / "cache") for _ in range(2))
    assert plain(first) == plain(again)
    assert [r.name in r.text for r in again.runbooks] == [True, True]
    assert again.runbooks[0].text != again.runbooks[1].text


def test_faults_are_told_every_time(tmp_path: Path) -> None:
    folder, file = written(tmp_path / "r", "a", "b"), tmp_path / "cache"
    (folder / "b.yaml").write_text(RUNBOOK.replace("NAME", "b").replace("process.stop", "proces"))
    first, again = (cached(folder, file) for _ in range(2))
    assert [f.code for f in first.faults] == [f.code for f in again.faults] == ["HS201"]


def test_ties_between_cached_runbooks_are_found(tmp_path: Path) -> None:
    folder, file = written(tmp_path / "r", "a"), tmp_path / "cache"
    cached(folder, file)
    (folder / "b.yaml").write_text(RUNBOOK.replace("NAME", "a").replace("name: a", "name: b"))
    assert [f.code for f in cached(folder, file).faults] == ["HS210"]


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"not msgpack", b"\x80"])
def test_a_cache_nobody_can_read_is_no_cache(tmp_path: Path, content: bytes) -> None:
    folder, file = written(tmp_path / "r", "a"), tmp_path / "cache"
    file.write_bytes(content)
    assert [r.name for r in cached(folder, file).runbooks] == ["a"]


def test_an_entry_nobody_can_read_is_read_anew(tmp_path: Path) -> None:
    folder, file = written(tmp_path / "r", "a"), tmp_path / "cache"
    cached(folder, file)
    cache = RunbookCache(file, PLUGINS)
    cache._entries = dict.fromkeys(cache._entries, b"\xc1")
    assert [r.name for r in load_cached([folder], PLUGINS, cache).runbooks] == ["a"]


def test_other_plugins_make_it_another_cache(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder, file = written(tmp_path / "r", "a"), tmp_path / "cache"
    cached(folder, file)
    without = {name: p for name, p in PLUGINS.items() if name != "process.stop"}
    found = load_cached([folder], without, RunbookCache(file, without))
    assert [f.code for f in found.faults] == ["HS201"]


def test_what_nobody_asks_for_any_more_is_dropped(tmp_path: Path) -> None:
    folder, file = written(tmp_path / "r", "a", "b"), tmp_path / "cache"
    cached(folder, file)
    large = file.stat().st_size
    (folder / "b.yaml").unlink()
    cached(folder, file)
    assert file.stat().st_size < large
