"""The reader of PromQL against Debian's Prometheus: both take and refuse the same texts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest

from agent.core.promql import read
from agent.core.promql_tokens import PromqlError
from tests.support.promql_texts import (
    BROKEN,
    HARD,
    NEVERMORE,
    NEWER,
    Maker,
    broken,
    is_newer,
    joined,
)
from tests.support.running import http_get
from tests.support.servers import Prometheus, prometheus

pytestmark = pytest.mark.integration

MADE = 600
BROKEN_ONES = 1000


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Prometheus]:
    async with prometheus(tmp_path / "p", targets={}) as running:
        yield running


async def takes(real: Prometheus, text: str) -> bool:
    """Whether the real one can read it; it is not asked to compute anything."""
    status, body = await http_get(f"{real.url}/api/v1/format_query?query={quote(text)}")
    assert status in (200, 400), (text, status, body)
    return status == 200


def reads(text: str) -> str:
    """Empty, or why not."""
    try:
        read(text)
    except PromqlError as error:
        return str(error)
    return ""


async def differences(real: Prometheus, texts: Iterable[str]) -> tuple[list[str], int, int]:
    found, taken, refused = [], 0, 0
    for text in texts:
        is_taken, ours = await takes(real, text), reads(text)
        taken, refused = taken + is_taken, refused + (not is_taken)
        if is_taken != (not ours):
            found.append(f"{text!r}: {'taken' if is_taken else 'refused'}, here: {ours or 'taken'}")
    return found, taken, refused


async def test_hand_written_texts_are_taken_and_refused_alike(real: Prometheus) -> None:
    assert await differences(real, (*HARD, *BROKEN)) == ([], len(HARD), len(BROKEN))


async def test_made_texts_are_taken_by_both(real: Prometheus) -> None:
    maker = Maker(Random(1))
    texts = [joined(maker.vector(depth=3)) for _ in range(MADE)]
    found, taken, _ = await differences(real, texts)
    assert found == []
    assert taken == MADE


async def test_broken_texts_are_taken_and_refused_alike(real: Prometheus) -> None:
    random = Random(2)
    maker = Maker(random)
    many = [broken(maker.vector(depth=2), random) for _ in range(BROKEN_ONES)]
    texts = [joined(words) for words in many if words and not is_newer(words)]
    found, taken, refused = await differences(real, texts)
    assert found == []
    assert taken > 50
    assert refused > 100


async def test_what_differs_on_purpose(real: Prometheus) -> None:
    for text in NEVERMORE:
        assert (await takes(real, text), bool(reads(text))) == (True, True), text
    for text in NEWER:
        assert (await takes(real, text), reads(text)) == (False, ""), text
