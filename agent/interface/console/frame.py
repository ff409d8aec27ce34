"""What every page of the console stands in: the frame, the fragment that is fetched anew, forms."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent.interface.console.rendering import page
from agent.interface.http.desk import Desk
from agent.interface.http.halt_api import halt_json
from agent.interface.http.replies import SECURITY_HEADERS, Refused
from agent.model.principal import Principal

MOST_FIELDS = 20


def live(
    desk: Desk,
    request: Request,
    who: Principal,
    *,
    fragment: str,
    here: str,
    title: str,
    status: int = 200,
    **values: Any,
) -> Response:
    """The whole page, or the fragment of it where only that is asked for."""
    back = values.pop("back", request.url.path)
    path = quote(request.url.path if request.method != "POST" else back)
    return page(
        fragment if request.query_params.get("fragment") else "page.html",
        status=status,
        fragment=fragment,
        fragment_url=f"{path}?fragment=1",
        here=here,
        title=title,
        who=who,
        has_session=desk.door.session_of(request.headers) is not None,
        now=desk.facade.now(),
        halt=halt_json(desk.facade),
        **values,
    )


async def form(desk: Desk, request: Request, *, most: int = MOST_FIELDS) -> dict[str, str]:
    """Fields of a form, the last of each name. Raises Refused (400) for one with too many."""
    body = (await desk.body(request)).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, max_num_fields=most)
    except ValueError:
        raise Refused(
            400, f"the form has more than {most} fields", remedy="use the console's own"
        ) from None
    return {name: values[-1] for name, values in fields.items()}


def sent_to(path: str) -> Response:
    """After a form was taken: the page it belongs to, so that a reload does not send it again."""
    return RedirectResponse(path, 303, dict(SECURITY_HEADERS))
