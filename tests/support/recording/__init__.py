"""Stands in for PagerDuty, Slack, ntfy and a webhook: enforces what each documents, breaks on
order, keeps what came, and knows how often a person's phone rang.

    async with recording() as r:
        r.fail("pagerduty", status=429, retry_after=30)
        ... notifiers with r.pagerduty.url, r.slack.url, r.ntfy.url, r.webhook.url
        assert len(r.pagerduty.rings) == 1

As a process: `python -m tests.support.recording --port 9999`, then `GET /recorded`, `POST /fail`.
Mail is received by `tests.support.receivers.smtp`.
"""

from __future__ import annotations

from tests.support.recording.provider import Fault, Received
from tests.support.recording.server import Recording, recording

__all__ = ["Fault", "Received", "Recording", "recording"]
