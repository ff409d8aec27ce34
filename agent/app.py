"""Composition root (written last)."""

from __future__ import annotations
