"""How often it is looked for blind spots."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.settings import load_settings
from agent.catalog.survey_document import SurveySettings


def test_without_a_word_it_is_looked_once_a_day() -> None:
    survey = load_settings(None, {}).survey
    assert survey == SurveySettings()
    assert (survey.every, survey.first, survey.incidents) == (86_400.0, 300.0, 5)


def test_every_key_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "homeostat.yaml"
    file.write_text(
        "survey: {every: 12h, first: 1m, lookback: 2h, incidents: 9, past: 30d}\n",
        encoding="utf-8",
    )
    assert load_settings(file, {}).survey == SurveySettings(
        every=43_200.0, first=60.0, lookback=7_200.0, incidents=9, past=30 * 86_400.0
    )


@pytest.mark.parametrize("wrong", ["every: 1s", "every: never", "incidents: 1", "past: 1h"])
def test_what_makes_no_sense_is_refused(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "homeostat.yaml"
    file.write_text(f"survey: {{{wrong}}}\n", encoding="utf-8")
    with pytest.raises(FaultsError):
        load_settings(file, {})
