"""Pages on standard output: the channel that is there when nothing is configured.

One page is one block written in one call, so that pages of several incidents do not interleave.
Everything in it is cleaned first: a label must not be able to rewrite a terminal.
"""

from __future__ import annotations

import sys

from agent.model.errors import Temporary
from agent.model.on_call import Telling
from agent.ports.kit import NotifyKit
from agent.ports.plugin import Message, Params, notifier
from agent.ports.safe_text import headline, safe


class Terminal(Params):
    pass


@notifier(
    name="terminal",
    params=Terminal,
    summary="Prints the page on standard output",
    tells=(Telling.PAGE, Telling.UPDATE, Telling.ACKNOWLEDGED, Telling.RESOLVED),
)
async def terminal(kit: NotifyKit, params: Terminal, message: Message) -> str:
    page = safe(message)
    lines = [f"── {page.severity or 'page'} → {page.to} ── {headline(page)}"]
    lines += [f"   {line}" for line in page.text.split("\n") if page.text]
    if page.link and page.link not in page.text:
        lines.append(f"   {page.link}")
    encoding = sys.stdout.encoding or "utf-8"
    text = "\n".join(lines).encode(encoding, "replace").decode(encoding) + "\n"
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        raise Temporary(f"standard output cannot be written: {error}") from error
    return "printed"
