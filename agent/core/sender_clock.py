"""The clocks of those who send: told where they are wrong, and never what a timer runs by."""

from __future__ import annotations

CLOCK_SECONDS = 300.0
"""A sender's clock that is off by more is told, and proves nothing."""
