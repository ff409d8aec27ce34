"""What the Dockerfile says can be told without building it. No daemon of Docker is needed here: the
steps that matter are read, and what they name is looked for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from agent import __version__
from tests.support.tree import ROOT

DOCKERFILE = ROOT / "Dockerfile"
IMAGE_LOCK = ROOT / "requirements-image.lock"
Step = tuple[str, str]
"""Instruction and what follows it."""


def stages() -> dict[str, list[Step]]:
    """Steps by stage; what stands before the first `FROM` is in the stage ``."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.M))
    found: dict[str, list[Step]] = {"": []}
    name = ""
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            name = rest.split(" AS ")[1]
            found[name] = []
        found[name].append((word, rest))
    return found


def with_what_it_stands_on(stage: str) -> list[Step]:
    """The steps of the stage, after those of the stages it begins with."""
    steps = stages()[stage]
    on = steps[0][1].split(" AS ")[0]
    return [*(with_what_it_stands_on(on) if on in stages() else []), *steps]


def last(steps: list[Step], word: str) -> str:
    return [rest for found, rest in steps if found == word][-1]


def copied() -> list[str]:
    """What is taken from this folder."""
    found = []
    for steps in stages().values():
        for word, rest in steps:
            if word == "COPY" and "--from=" not in rest:
                found += rest.split()[:-1]
    return found


def test_what_is_copied_is_there() -> None:
    assert copied()
    assert [name for name in copied() if not (ROOT / name).exists()] == []


def test_nothing_gets_in_but_what_is_copied() -> None:
    """No store, no secret and no virtual environment that stands in the folder is sent along."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert sorted(rule[1:] for rule in rules if rule.startswith("!")) == sorted(copied())
    assert any(fnmatch("agent/core/__pycache__", rule) for rule in rules[1:])


@pytest.mark.parametrize("stage", ["image", "with-git"])
def test_it_runs_as_nobody_in_particular(stage: str) -> None:
    """A number, so that the kubelet can see that it is not root."""
    assert last(with_what_it_stands_on(stage), "USER") == "10001:10001"


def test_the_stage_that_is_built_by_default_is_the_plain_one() -> None:
    assert list(stages())[-1] == "image"


def test_everything_that_is_installed_is_checked_by_hash() -> None:
    installs = [
        json.loads(rest)
        for steps in stages().values()
        for word, rest in steps
        if word == "RUN" and "pip" in rest and "install" in rest
    ]
    assert len(installs) == 3
    for words in installs:
        assert "--no-deps" in words
        is_own = words[-1] == "homeostat"
        assert ("--no-index" in words) if is_own else ("--require-hashes" in words), words
        assert is_own or "--only-binary=:all:" in words, words


def test_the_base_has_a_tag_and_can_be_given_with_a_digest() -> None:
    [(word, rest)] = stages()[""]
    assert word == "ARG"
    assert re.fullmatch(r"PYTHON=python:3\.\d+-slim-\w+", rest)
    assert all(
        steps[0][1].split()[0] in ("${PYTHON}", "runtime") for steps in list(stages().values())[1:]
    )


def test_it_is_ended_and_probed_as_a_cluster_does() -> None:
    steps = with_what_it_stands_on("image")
    assert json.loads(last(steps, "ENTRYPOINT")) == ["/opt/homeostat/bin/homeostat"]
    assert json.loads(last(steps, "CMD"))[0] == "run"
    assert last(steps, "STOPSIGNAL") == "SIGTERM"
    assert last(steps, "HEALTHCHECK") == "NONE"
    assert f"VERSION={__version__}" in [rest for word, rest in steps if word == "ARG"]


def locked(path: Path) -> dict[str, tuple[str, set[str]]]:
    """Version and hashes by name."""
    found: dict[str, tuple[str, set[str]]] = {}
    for line in path.read_text().replace("\\\n", "").splitlines():
        written, *hashes = line.split("--hash=sha256:")
        requirement = Requirement(written)
        [version] = requirement.specifier
        found[requirement.name] = version.version, {one.strip() for one in hashes}
    return found


def test_the_locks_agree_on_versions() -> None:
    everything = locked(ROOT / "requirements.lock")
    for name in ("requirements-image.lock", "requirements-run.lock"):
        for package, (version, hashes) in locked(ROOT / name).items():
            assert hashes, package
            assert everything[package][0] == version, package


def test_the_image_has_what_the_daemon_needs_and_reaches_a_cluster() -> None:
    image = set(locked(IMAGE_LOCK))
    assert set(locked(ROOT / "requirements-run.lock")) <= image
    assert {"kubernetes", "prometheus-api-client"} <= image


def test_the_list_of_parts_names_every_package_with_its_version_and_hashes(tmp_path: Path) -> None:
    written = tmp_path / "sbom.json"
    tool = Path(sys.executable).with_name("cyclonedx-py")
    options = ["--pyproject", "pyproject.toml", "--short-PURLs", "--of", "JSON", "-o", str(written)]
    subprocess.run(
        [tool, "requirements", *options, IMAGE_LOCK.name],
        cwd=ROOT,
        check=True,
        timeout=50,
        capture_output=True,
    )
    told = json.loads(written.read_text())
    assert told["metadata"]["component"]["name"] == "homeostat"
    parts = {
        part["name"]: (
            part["version"],
            {h["content"] for ref in part["externalReferences"] for h in ref["hashes"]},
        )
        for part in told["components"]
    }
    assert parts == locked(IMAGE_LOCK)
