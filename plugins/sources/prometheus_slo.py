"""Reads from Prometheus how each objective stands, as the rules of `homeostat slo rules` record it.

Three questions a round, however many objectives there are: recorded figures carry the product and
the objective as labels. An objective that none of the answers names is read as not known, which is
no good word: the rules may be missing there, or its metrics. That Prometheus does not answer says
nothing of any objective.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from pydantic import Field

from agent.model.alert import Alive, SloReading
from agent.model.errors import StoreUnavailable, Temporary
from agent.model.product import Registry, Slo
from agent.ports.kit import SourceKit
from agent.ports.pauses import rest_seconds
from agent.ports.plugin import Params, stream_source
from agent.ports.prometheus_answer import Answer, Refused, data_of

RATIO = "slo:bad:ratio_window"
EVENTS = "slo:events:count_window"
BURN = "slo:bad:ratio_rate"
"""Behind it stands the window, as in `slo:bad:ratio_rate1h`."""
QUERIES = (RATIO, EVENTS, f'{{__name__=~"{BURN}.+"}}')

Key = tuple[str, str]
"""Product and objective."""
Figures = Mapping[Key, Mapping[str, float]]


class PrometheusSlo(Params):
    url: str = Field(
        pattern=r"^https?://[^/\s]",
        description="address of the Prometheus, for example http://127.0.0.1:9090",
    )
    every_seconds: float = Field(
        default=60.0, ge=1.0, le=240.0, description="how often all objectives are read"
    )
    timeout_seconds: float = Field(default=10.0, gt=0, description="how long to wait for an answer")


class Row(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str] | None = None


class Data(msgspec.Struct):
    result: list[Row]


ANSWERS = msgspec.json.Decoder(Answer[Data])


@stream_source(
    name="prometheus.slo",
    params=PrometheusSlo,
    summary="How the objectives of products stand, from the recorded figures of a Prometheus",
)
async def watch(kit: SourceKit, params: PrometheusSlo) -> None:
    while True:
        began = kit.now()
        try:
            await one_round(kit, params)
        except Temporary as error:
            kit.log.warning("slo.not_asked", why=str(error))
        except StoreUnavailable as error:
            kit.log.warning("slo.not_stored", why=str(error))
        await kit.sleep(rest_seconds(params.every_seconds, began=began, now=kit.now()))


async def one_round(kit: SourceKit, params: PrometheusSlo) -> None:
    """Raises Temporary where Prometheus does not answer."""
    watched = dict(objectives(kit.registry))
    if not watched:
        return
    figures: dict[Key, dict[str, float]] = {}
    for query in QUERIES:
        for row in await asked(kit, params, query):
            keep(figures, row)
    readings = [
        reading(key, slo, figures.get(key, {})) for key, slo in sorted(watched.items(), key=_name)
    ]
    await kit.emit([*readings, Alive(source="")])


def _name(item: tuple[Key, Slo]) -> Key:
    return item[0]


def objectives(registry: Registry) -> Iterator[tuple[Key, Slo]]:
    """Those that say what they count."""
    for product in registry.products.values():
        for slo in product.slos:
            if slo.sli is not None:
                yield (product.name, slo.name), slo


async def asked(kit: SourceKit, params: PrometheusSlo, query: str) -> Sequence[Row]:
    limit = f"{max(1, int(params.timeout_seconds * 1000))}ms"
    address = f"{params.url.rstrip('/')}/api/v1/query?" + urlencode(
        {"query": query, "timeout": limit}
    )
    reply = await kit.http.get(address, timeout_seconds=params.timeout_seconds)
    try:
        return data_of(reply, ANSWERS, url=params.url).result
    except Refused as error:
        raise Temporary(f"{params.url}: {error}") from None


def keep(figures: dict[Key, dict[str, float]], row: Row) -> None:
    """Of several series for one figure (two replicas of a Prometheus) the worse one counts, which
    is the larger; of events it is the one that saw more."""
    labels, value = row.metric, number(row)
    if value is None:
        return
    key, name = (labels.get("product", ""), labels.get("slo", "")), labels.get("__name__", "")
    known = figures.setdefault(key, {})
    known[name] = max(value, known.get(name, value))


def number(row: Row) -> float | None:
    """None for what is no number."""
    try:
        value = float(row.value[1]) if row.value is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def reading(key: Key, slo: Slo, figures: Mapping[str, float]) -> SloReading:
    allowed = 1.0 - slo.objective
    return SloReading(
        product=key[0],
        slo=key[1],
        bad=figures.get(RATIO),
        events=figures.get(EVENTS),
        burn={
            name.removeprefix(BURN): share / allowed
            for name, share in figures.items()
            if name.startswith(BURN)
        },
    )
