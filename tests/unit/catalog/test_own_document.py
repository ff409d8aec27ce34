"""`agent:` of the settings: what is declared of the agent itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.own_document import OwnSettings
from agent.catalog.settings import Settings, load_settings


def load(folder: Path, text: str) -> Settings:
    file = folder / "homeostat.yaml"
    file.write_text(text)
    return load_settings(file, {})


def test_nothing_declared_is_an_objective_without_dates(tmp_path: Path) -> None:
    own = load(tmp_path, "").agent
    assert own == OwnSettings()
    terms = own.terms(platform="ops", version="1", digest="d", started_at=5.0)
    assert (terms.owner, terms.objective, terms.latency_seconds) == ("ops", 0.999, 1.0)
    assert terms.review_by is terms.retire is None


def test_a_date_is_a_whole_day(tmp_path: Path) -> None:
    text = (
        "agent: {name: warden, owner: team-agents, review_by: 2027-01-31, retire: 2029-12-31, "
        "objective: 99%, window: 7d, latency: 500ms}"
    )
    own = load(tmp_path, text).agent
    assert (own.name, own.owner) == ("warden", "team-agents")
    assert own.review_by == datetime(2027, 2, 1, tzinfo=UTC).timestamp()
    assert own.retire == datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    assert (own.objective, own.window_seconds, own.latency_seconds) == (0.99, 604_800.0, 0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("review_by: 2027-02-30", "is not a date"),
        ("review_by: soon", "agent.review_by"),
        ("objective: 100%", "agent.objective"),
        ("objective: 99.9999%", "less than one bad minute"),
        ("objective: 0.999", "percentage"),
        ("window: 1h", "agent.window"),
        ("latency: 0s", "agent.latency"),
        ('name: "a b"', "agent.name"),
        ("nane: x", 'did you mean "name"'),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FaultsError) as caught:
        load(tmp_path, f"agent:\n  {text}\n")
    (fault,) = caught.value.faults
    assert said in str(fault)
    assert "homeostat.yaml:" in str(fault)
    assert fault.remedy
