"""Every shipped runbook comes true, and no part of it can be lost unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runbook_mutations import complaints, mutations
from tests.support.shipped import shipped
from tests.support.tree import ROOT

RUNBOOKS = sorted((ROOT / "runbooks").rglob("*.yaml"))


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_whatever_is_taken_out_of_it_is_missed(path: Path) -> None:
    plugins = shipped().plugins
    text = path.read_text("utf-8")
    assert complaints(text, plugins) == []
    unmissed = [what for what, less in mutations(text) if not complaints(less, plugins)]
    assert unmissed == []
