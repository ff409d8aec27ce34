"""How the log is written: one JSON object a line on standard error, or text for people.

Text of alerts, names and errors of others get in here. A line stays a line whatever is in it: JSON
escapes every control and direction mark (only ASCII is written), and the text form shows them
escaped. Secrets that are known go last, after everything that makes text (redaction.py).
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
from collections.abc import Callable
from typing import Any, TextIO, cast

import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
Redact = Callable[[str], str]
_MARKS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class Forgiving:
    """Standard error that never raises: behind it may be a full disk or a reader that went away,
    and what cannot be told must still be done."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def configure_logs(*, level: str, text: bool, redact: Redact = str) -> None:
    """One JSON object a line on stderr (or text for people at a terminal)."""
    # Never the values of local variables: a plugin's hold its secrets.
    renderers: tuple[Any, ...]
    if text:
        plain = structlog.dev.plain_traceback
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=plain
        )
        renderers = (_without_marks, console)
    else:
        told = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        as_data = structlog.processors.ExceptionRenderer(told)
        renderers = (as_data, structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
            lambda _logger, _method, rendered: redact(cast("str", rendered)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", Forgiving())),
        cache_logger_on_first_use=True,
    )
    # Libraries log by `logging`: only their warnings, in the same place and form.
    lines = logging.StreamHandler(cast("TextIO", Forgiving()))
    lines.setFormatter(LibraryLines(text=text, redact=redact))
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)


class LibraryLines(logging.Formatter):
    """A line of a library: in the text form as it says it, in JSON one object."""

    def __init__(self, *, text: bool, redact: Redact) -> None:
        super().__init__("%(name)s: %(message)s")
        self._is_text, self._redact = text, redact

    def format(self, record: logging.LogRecord) -> str:
        said = super().format(record)
        if self._is_text:
            return self._redact(escaped(said))
        line = {"event": said, "level": record.levelname.lower(), "logger": record.name}
        return self._redact(json.dumps(line))


def escaped(text: str) -> str:
    """The text with what would move a terminal's cursor, or turn its lines round, made visible."""
    return _MARKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _without_marks(_logger: object, _method: str, fields: Any) -> Any:
    return {
        name: escaped(value).replace("\n", "\\n") if isinstance(value, str) else value
        for name, value in fields.items()
    }
