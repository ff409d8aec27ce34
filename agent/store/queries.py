"""SQL stands in `sql/*.sql`, each statement with a name and a sentence of what it means.

A marker in a statement stands for a list of any length: `?, ...` for values and `(?), ...` for
rows. `spread` writes it out; lengths are rounded up, so that the connection's cache of prepared
statements is hit, and the last value is given again to fill.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"
MIGRATIONS = FOLDER / "migrations"

CHUNK = 512
"""Values in one list; SQLite of 2020 and later allows 32,766."""

_MARK = "-- name: "


def parse_queries(text: str, *, file: str) -> dict[str, str]:
    """Statements by name. A statement without its sentence is refused (ValueError)."""
    queries: dict[str, str] = {}
    for part in text.split(_MARK)[1:]:
        name, _, rest = part.partition("\n")
        name = name.strip()
        if name in queries:
            raise ValueError(f"{file}: query {name!r} stands twice")
        if not rest.startswith("-- "):
            raise ValueError(f"{file}: query {name!r} has no sentence")
        lines = [line for line in rest.splitlines() if not line.startswith("--")]
        queries[name] = "\n".join(lines).strip().removesuffix(";")
    return queries


def load_queries(folder: Path = FOLDER) -> Mapping[str, str]:
    queries: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        for name, sql in parse_queries(path.read_text("utf-8"), file=path.name).items():
            if name in queries:
                raise ValueError(f"{path.name}: query {name!r} stands in another file too")
            queries[name] = sql
    return queries


SQL = load_queries()


def spread(sql: str, count: int) -> str:
    """The statement with its marker written out for `count` values."""
    rows = ", ".join(["(?)"] * count)
    values = ", ".join(["?"] * count)
    return sql.replace("(?), ...", rows).replace("?, ...", values)


def chunks(values: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The values in lists whose lengths are powers of two, the last one filled up."""
    for start in range(0, len(values), CHUNK):
        chunk = tuple(values[start : start + CHUNK])
        size = 1 << (len(chunk) - 1).bit_length()
        yield chunk + (chunk[-1],) * (size - len(chunk))
