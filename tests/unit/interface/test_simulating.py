"""`homeostat simulate`: a storm against the limits of a policy, and a picture of it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from agent.core import guard
from agent.interface.cli.main import app

SMALL = ("simulate", "--storm", "60", "--over", "10m", "--for", "1h")


@pytest.fixture(autouse=True)
def nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOMEOSTAT_CONFIG", raising=False)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_a_storm_passes_no_limit_of_the_default_policy() -> None:
    said = run("simulate", "--storm", "1500", "--format", "json")
    found = json.loads(said.stdout)
    assert (said.exit_code, found["held"]) == (0, True), said.output
    assert sum(part["received"] for part in found["slices"]) >= 1500
    quarters = 2 * 4  # of an hour; in each of them a product is one page at most
    assert sum(found["pages"].values()) <= (found["products"] + 1) * quarters
    assert max(found["pages"].values()) <= quarters


def test_without_the_limits_it_says_which_were_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world counts by itself: it finds out where the limits are gone."""
    needed = {"halted", "plugin_loaded", "target_known", "lifecycle_allows", "effect_repeatable"}
    left = tuple(rail for rail in guard.RAILS if rail.id in needed)
    monkeypatch.setattr(guard, "RAILS", left)
    said = run(*SMALL, "--over", "10s", "--format", "json")
    passed = {limit["limit"] for limit in json.loads(said.stdout)["limits"] if not limit["held"]}
    assert said.exit_code == 1
    assert passed >= {"acts at a time, in all", "acts within a minute, in all"}


def test_the_same_seed_is_the_same_storm() -> None:
    first, again, other = (run(*SMALL, "--format", "json", "--seed", s).stdout for s in "112")
    assert first == again != other


def test_the_text_shows_it_over_time_and_each_limit() -> None:
    said = run(*SMALL)
    assert said.exit_code == 0, said.output
    assert "calls for people" in said.output
    assert "held" in said.output
    assert "█" in said.output


def test_the_picture_is_an_svg_that_can_be_read(tmp_path: Path) -> None:
    said = run(*SMALL, "--picture", "storm.svg")
    assert "picture: storm.svg" in said.output
    drawn = ElementTree.parse(tmp_path / "storm.svg").getroot()
    texts = [t.text or "" for t in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert any("60 alerts" in text for text in texts)
    assert any("60 min" in text for text in texts)


def test_a_site_with_products_is_played_over_them(tmp_path: Path) -> None:
    parts = "\n---\n".join(
        f"kind: Component\nmetadata: {{name: {name}}}\nspec: {{type: service, owner: team-{name}}}"
        for name in ("one", "two", "three")
    )
    (tmp_path / "catalog-info.yaml").write_text(parts)
    (tmp_path / "homeostat.yaml").write_text("products: [catalog-info.yaml]\n")
    said = run(*SMALL, "--format", "json")
    found = json.loads(said.stdout)
    assert found["products"] == 3
    assert set(found["pages"]) <= {"team-one", "team-two", "team-three", "platform"}


def test_what_is_asked_for_wrongly_is_said() -> None:
    assert "--over: a duration needs a unit" in run(*SMALL, "--over", "10").output
    assert run(*SMALL, "--for", "0s").exit_code == 2
    assert run("simulate").exit_code == 2
    assert run(*SMALL, "--picture", "/nowhere/storm.svg").exit_code == 2
