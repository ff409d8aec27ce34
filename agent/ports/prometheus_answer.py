"""What a Prometheus answers to an instant query, as sources read it that ask it by themselves."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from agent.model.errors import Temporary, Unparseable
from agent.ports.kit import HttpReply
from agent.ports.wire import read

D = TypeVar("D")

UNDERSTOOD = (200, 400, 422)
"""With the last two it says what is wrong with the question."""


class Answer(msgspec.Struct, Generic[D]):
    status: str
    data: D | None = None
    error: str = ""


class Refused(Exception):
    """Prometheus understood that there is something wrong with the question."""


def data_of(reply: HttpReply, decoder: msgspec.json.Decoder[Answer[D]], *, url: str) -> D:
    """Raises Temporary without an answer, and Refused where the query cannot have one."""
    if reply.status not in UNDERSTOOD:
        raise Temporary(f"{url} answered {reply.status}")
    try:
        answer = read(decoder, reply.body)
    except Unparseable as error:
        raise Temporary(f"{url} does not answer as Prometheus: {error}") from None
    if answer.status != "success" or answer.data is None:
        raise Refused(f"Prometheus refuses its query: {answer.error[:200]}")
    return answer.data
