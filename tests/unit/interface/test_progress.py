"""How far a long command is: for people at a terminal, and for nobody else."""

from __future__ import annotations

import io
import sys

import pytest

from agent.interface.cli import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("patience", [0.0, 1_000.0])
def test_it_speaks_when_it_takes_long(patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", patience)
    monkeypatch.setattr(progress, "PAUSE_SECONDS", 0.0)
    assert list(progress.told("abc", "letters read")) == ["a", "b", "c"]
    said = terminal.getvalue()
    if patience:
        assert said == ""
    else:
        assert "letters read: 2 of 3" in said
        assert said.endswith("\r\x1b[K"), "nothing of it is left on the line"


def test_it_says_nothing_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    assert list(progress.told("abc", "letters read")) == ["a", "b", "c"]
    assert file.getvalue() == ""
