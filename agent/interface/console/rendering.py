"""Templates and what they may call. Everything is escaped; alert text is only ever a value.

The template engine is loaded with the first page: a daemon nobody looks at does without it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from agent.interface.http.replies import SECURITY_HEADERS
from agent.interface.times import ago, clock, rfc3339

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
LONGEST_VALUE = 2000


def _word(text: str) -> str:
    """A class name out of a word that came from outside."""
    return re.sub(r"[^a-z0-9_-]", "", text.lower())[:30]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + " …"


def _moment(text: str) -> str:
    """`2026-01-31 09:00 UTC` of an RFC 3339 time."""
    return f"{text[:10]} {text[11:16]} UTC"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        rfc3339=rfc3339, ago=ago, clock=clock, word=_word, shown=_shown, moment=_moment
    )
    return environment


def page(template: str, *, status: int = 200, **values: Any) -> Response:
    text = _environment().get_template(template).render(status=status, **values)
    return Response(text, status, dict(SECURITY_HEADERS), "text/html")
