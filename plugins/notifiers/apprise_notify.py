"""Pages through apprise: its long tail of chat, push and paging services.

The addresses of apprise carry tokens, so they come from the channel's secrets only, are never
logged, and are not part of a reason. The package is an extra and heavy: it is imported at the first
page, and its own threads keep the loop free.
"""

from __future__ import annotations

import asyncio

from agent.model.errors import Permanent, Temporary
from agent.model.on_call import Telling
from agent.ports.kit import NotifyKit
from agent.ports.plugin import Message, Params, notifier
from agent.ports.safe_text import headline, safe, with_link

SEVERITIES = {"critical": "failure", "page": "failure", "warning": "warning", "info": "info"}
URLS_MOST = 20
QUIET = {Telling.RESOLVED: "success"}
"""What is no page is news, and an end is good news."""


class Apprise(Params):
    pass


@notifier(
    name="apprise",
    params=Apprise,
    summary="Sends the page to the services whose apprise addresses are in the secret `urls`",
    tells=(Telling.PAGE, Telling.UPDATE, Telling.ACKNOWLEDGED, Telling.RESOLVED),
)
async def apprise(kit: NotifyKit, params: Apprise, message: Message) -> str:
    urls = kit.secrets.get("urls", "").split()
    if not urls or len(urls) > URLS_MOST:
        raise Permanent(f"apprise needs the secret `urls`: 1 to {URLS_MOST} addresses with spaces")
    try:
        import apprise as package
    except ImportError as error:
        raise Permanent(
            "apprise needs a package that is not installed: pip install 'homeostat[apprise]'"
        ) from error
    services = package.Apprise()
    for number, url in enumerate(urls, start=1):
        if not services.add(url):
            raise Permanent(f"address {number} of the secret `urls` is not one of apprise's")
    page = safe(message)
    try:
        async with asyncio.timeout(kit.deadline_seconds):
            delivered = await services.async_notify(
                title=headline(page),
                body=with_link(page) or headline(page),
                notify_type=_kind(page),
                body_format=package.NotifyFormat.TEXT,
            )
    except TimeoutError as error:
        raise Temporary(f"apprise did not end within {kit.deadline_seconds:g} s") from error
    if not delivered:
        raise Temporary("at least one service of apprise did not take the page")
    return f"delivered to {len(services)} services"


def _kind(page: Message) -> str:
    if page.telling is Telling.PAGE:
        return SEVERITIES.get(page.severity.lower(), "warning")
    return QUIET.get(page.telling, "info")
