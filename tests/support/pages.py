"""The pages people read, as the house tests look at them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.tree import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted([README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for tongue, text in FENCED.findall(page.read_text()) if tongue == language]
