"""One line a record, whatever is in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from agent.runtime.log_lines import configure_logs
from agent.runtime.redaction import Redaction

HOSTILE = 'x\n{"event": "forged"}\r\x1b[2J\u202egnp.exe\u2028\x00\u0085end'
SECRET = "canary-0123456789"


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def configured(*, text: bool) -> structlog.stdlib.BoundLogger:
    redaction = Redaction()
    redaction.know([SECRET])
    configure_logs(level="info", text=text, redact=redaction.text)
    made: structlog.stdlib.BoundLogger = structlog.get_logger("x")
    return made


def test_a_hostile_label_stays_within_its_line(written: Callable[[], str]) -> None:
    """F-SEC-15: no newline, escape or direction mark of an alert reaches the log as itself."""
    configured(text=False).info(HOSTILE, name=HOSTILE, deep={HOSTILE: [HOSTILE]})
    logging.getLogger("library").warning("said %s", HOSTILE)
    first, second = written().splitlines()
    assert json.loads(first)["name"] == HOSTILE
    assert json.loads(first)["event"] == HOSTILE
    assert json.loads(second)["event"] == f"library: said {HOSTILE}"
    assert (first + second).isascii()
    assert (first + second).isprintable()


def test_the_text_form_shows_marks_instead_of_obeying_them(written: Callable[[], str]) -> None:
    """F-SEC-15."""
    configured(text=True).info("event", name=HOSTILE)
    logging.getLogger("library").warning(HOSTILE.replace("\n", " "))
    lines = written().split("\n")
    assert len(lines) == 3
    assert "".join(lines).isprintable()
    assert "\\u202e" in lines[0]


@pytest.mark.parametrize("text", [True, False])
def test_a_secret_is_in_no_line(written: Callable[[], str], text: bool) -> None:
    """F-SEC-08: neither in a field nor in the traceback of an error."""
    log = configured(text=text)
    try:
        raise ValueError(f"cannot log in with {SECRET}")
    except ValueError as error:
        log.warning("failed", exc_info=True, why=str(error), fields={"a": [SECRET]})
        logging.getLogger("library").warning("failed", exc_info=True)
    said = written()
    assert "cannot log in with ***" in said
    assert "canary" not in said
