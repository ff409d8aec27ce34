"""The programs come from where they should, and a build that breaks leaves nothing half.

A stand-in for Go is on PATH here: nothing is compiled, and no cluster is needed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import building
from tests.cluster.building import PROGRAMS, CannotBuild

ALL = [program.name for program in PROGRAMS]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a PATH with nothing on it, and no settings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.delenv(building.ASSETS, raising=False)
    monkeypatch.delenv(building.EXISTING_CLUSTER, raising=False)
    executable(tmp_path / "path" / "etcd", "")
    return tmp_path


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def go(place: Path, *, breaks_at: str = "") -> None:
    """Writes the name of the package into what it was told to build, half of it before it breaks;
    and notes each build."""
    executable(
        place / "path" / "go",
        f"""
        if [ "$1" = env ]; then echo go1.26.4; exit; fi
        echo "$GOFLAGS $GOTOOLCHAIN $PWD $*" >>{place}/builds
        while [ $# -gt 1 ]; do [ "$1" = -o ] && out="$2"; shift; done
        printf %s "$1" >"$out"; chmod +x "$out"
        case "$1" in *"/{breaks_at or "nothing"}") echo "syntax error" >&2; exit 1;; esac
        """,
    )


def builds(place: Path) -> list[str]:
    noted = place / "builds"
    return noted.read_text().splitlines() if noted.exists() else []


def test_all_are_built_once_from_the_pins_as_they_are(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    go(place)
    found = building.build()
    assert set(found) == {*ALL, "etcd"}
    assert found["helm"].read_text() == "helm.sh/helm/v3/cmd/helm"
    assert len(builds(place)) == 6
    assert all(line.startswith("-mod=readonly local ") for line in builds(place))
    assert "gitVersion=v1." in builds(place)[0]
    assert "building kube-apiserver (1 of 6), about 6 min cold" in capsys.readouterr().err
    assert building.build() == found
    assert len(builds(place)) == 6


def test_a_build_that_breaks_leaves_nothing_half_and_is_taken_up_again(place: Path) -> None:
    go(place, breaks_at="kubectl")
    with pytest.raises(CannotBuild, match="cmd/kubectl ended with 1"):
        building.build()
    assert sorted(path.name for path in building.built_folder().iterdir()) == sorted(ALL[:3])
    (place / "builds").unlink()
    go(place)
    building.build()
    assert len(builds(place)) == 3


def test_other_pins_are_another_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = building.built_folder()
    pins = place / "pins" / "control-plane"
    pins.mkdir(parents=True)
    was = (building.PINS / "control-plane" / "go.mod").read_text()
    (pins / "go.mod").write_text(was)
    monkeypatch.setattr(building, "PINS", place / "pins")
    first = building.built_folder()
    (pins / "go.mod").write_text(was + "// raised\n")
    assert len({before, first, building.built_folder()}) == 3


def test_assets_are_taken_first_and_what_they_lack_is_said_and_built(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assets = place / "assets"
    for name in ("etcd", "kube-apiserver", "kubectl"):
        executable(assets / name, "")
    monkeypatch.setenv(building.ASSETS, str(assets))
    go(place)
    found = building.build()
    assert {name for name, path in found.items() if path.parent == assets} == {
        "etcd",
        "kube-apiserver",
        "kubectl",
    }
    said = capsys.readouterr().err
    assert "has etcd kube-apiserver kubectl" in said
    assert "built: kube-controller-manager kube-scheduler kwok helm" in said
    assert len(builds(place)) == 4


def test_an_existing_cluster_needs_only_the_clients(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(building.EXISTING_CLUSTER, "/some/kubeconfig")
    go(place)
    assert set(building.build()) == {"kubectl", "helm"}
    assert len(builds(place)) == 2


def test_tests_say_what_is_missing_and_build_nothing(place: Path) -> None:
    go(place)
    with pytest.raises(CannotBuild, match=r"missing: kube-apiserver .*make cluster-test"):
        building.binaries()
    assert builds(place) == []


def test_etcd_that_cannot_be_installed_ends_in_words(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(building, "_debian_etcd", lambda: None)
    monkeypatch.setattr(
        building, "DEBIAN_PACKAGES", executable(place / "packages", "printf etcd-server")
    )
    go(place)
    assert building.main() == 2
    assert "apt-get install --no-install-recommends etcd-server" in capsys.readouterr().err
    assert builds(place) == []


def test_two_builds_at_once_build_each_program_once(place: Path) -> None:
    go(place)
    command = [sys.executable, "-m", "tests.cluster.building"]
    both = [
        subprocess.Popen(command, cwd=building.HERE.parents[1], stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [one.wait(30) for one in both] == [0, 0]
    assert len(builds(place)) == 6
