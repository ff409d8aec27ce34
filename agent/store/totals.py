"""The balance of the ledger: what was taken in, against what it became."""

from __future__ import annotations

from collections.abc import Iterable

from agent.model.decision import LedgerState
from agent.ports.store import Totals


def balance(counts: Iterable[tuple[str, int, int]]) -> Totals:
    """From (word, rows, repeats): each repeat of a message is one duplicate, whatever its state.

    `received` is counted apart from the rows, so a row lost or doubled shows as an imbalance.
    """
    found = dict.fromkeys(("received", *(state.value for state in LedgerState)), 0)
    for word, rows, repeats in counts:
        found[word] += rows
        found["duplicate"] += repeats
    return Totals(**found)
