"""The page of the absorbed share: how much needs nobody any more, and what to absorb next."""

from __future__ import annotations

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from agent.interface.absorbed_drawing import draw
from agent.interface.console.frame import live
from agent.interface.http.absorbed_api import DEFAULT_WEEKS, AbsorbedReader
from agent.interface.http.desk import Desk
from agent.measure.absorbed import FORMULA
from agent.model.principal import Principal


class AbsorbedPage:
    def __init__(self) -> None:
        self._reader = AbsorbedReader()

    async def show(self, desk: Desk, request: Request, who: Principal) -> Response:
        found = await self._reader.told(desk.facade, who)
        return live(
            desk,
            request,
            who,
            fragment="_absorbed.html",
            here="absorbed",
            title="Absorbed",
            absorbed=found,
            picture=Markup(draw(found.weeks)),
            formula=FORMULA,
            weeks=DEFAULT_WEEKS,
            built={p.name: p.builder for p in desk.facade.view.registry.products.values()},
        )
