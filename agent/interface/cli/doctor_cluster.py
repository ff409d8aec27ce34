"""What `homeostat doctor` looks at in a cluster: whether it answers, and what is granted there.

Asked with the agent's own credentials: whoever runs it elsewhere is told of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from agent.catalog.cluster_document import ACCOUNT, ClusterSettings
from agent.catalog.settings import Settings
from agent.interface.cli.client import Told, Unreachable, request
from agent.interface.cli.looking import Grade, Look
from agent.interface.cli.rbac import errors_of, needs_of
from agent.model.errors import HomeostatError, Temporary
from agent.ports.cluster_walking import text
from agent.runtime.clock import SystemClock
from agent.runtime.cluster_connection import ClusterConnection
from agent.runtime.cluster_doctor import Unserved, unserved
from agent.runtime.cluster_granted import Granted, excess, granted, missing
from agent.runtime.cluster_rights import Need, Needs
from agent.runtime.reading import Reading

T = TypeVar("T")
LOOK_SECONDS = 5.0
ALL_SECONDS = 60.0
USUAL = ("default", "kube-system")
"""Looked at besides: what is granted there reaches far."""
MOST_BY = 3
WHY_MISSING = "what needs it is refused, its runbook is suspended and people are paged"
WHY_LESS = "what would be read stays unknown"
WHY_EXCESS = "whoever takes over the agent may do it too"
WHY_UNKNOWN = "what is not known to be exact is not exact"
GRANT = "homeostat rbac | kubectl apply -f -"
TAKE_AWAY = "take it out of the Role or ClusterRole that gives it (kubectl auth can-i --list)"


def connection_looks(settings: Settings) -> Iterator[Look]:
    """Nothing where no cluster is connected."""
    if settings.kubernetes is None:
        return
    what, why = "kubernetes", "what is not seen is not acted on"
    mend = "see `kubernetes:` of the settings, and whether the address can be reached from here"
    try:
        version = _asked(settings.kubernetes, _version, seconds=LOOK_SECONDS)
    except HomeostatError as error:
        yield Look(what, Grade.WRONG, str(error), why, mend)
        return
    said, trouble = _watched()
    grade = Grade.WRONG if trouble else Grade.GOOD
    yield Look(what, grade, f"answers, {version}; {said}", why, trouble)


async def _version(connection: ClusterConnection) -> str:
    reply = await connection.ask("GET", "/version", timeout_seconds=LOOK_SECONDS)
    if not reply.is_fine:
        raise Temporary(f"the API server said {reply.said}")
    return text(reply.json(), "gitVersion") or "of a version it does not tell"


def _watched() -> tuple[str, str]:
    """What the running daemon says of its watch, in words; and the remedy where it does not see
    it whole, so that nothing is done in it."""
    try:
        told = request("GET", "/api/v1/cluster", timeout_seconds=LOOK_SECONDS)
    except Unreachable:
        return "no daemon runs that watches it", ""
    except Told as refusal:
        return f"the daemon does not tell how it sees it: {refusal}", ""
    if not told["connected"]:
        return "the daemon that runs is not connected to it", ""
    if not told["in_sync"]:
        remedy = told["remedy"] or "homeostat cluster"
        return f"the daemon does not see it whole: {told['trouble']}", remedy
    return f"the daemon sees {told['objects']} objects of it", ""


def rights_looks(settings: Settings) -> Iterator[Look]:
    """What is granted against what is needed. Good throughout: it is exact."""
    needs, reading = needs_of(settings)
    assert settings.kubernetes is not None
    yield from _faults(settings, reading, needs)

    async def look(connection: ClusterConnection) -> tuple[Granted, tuple[Unserved, ...]]:
        found = await granted(connection, _spaces(needs, settings.kubernetes))
        return found, await unserved(connection, needs.used)

    try:
        found, lacking = _asked(settings.kubernetes, look, seconds=ALL_SECONDS)
    except HomeostatError as error:
        yield Look("rights", Grade.WRONG, f"not known: {error}", WHY_UNKNOWN, "homeostat doctor")
        return
    wrong = [*_unknown(found), *_missing(needs, found), *_excess(needs, found)]
    yield from wrong
    yield from _unserved(lacking)
    if not any(look.grade is Grade.WRONG for look in wrong):
        places = ", ".join(needs.namespaces) or "no namespace"
        yield Look("rights", Grade.GOOD, f"exactly what is needed, in {places}", WHY_EXCESS)


def _spaces(needs: Needs, settings: ClusterSettings | None) -> set[str]:
    """With the one the agent itself runs in, where it is asked there."""
    own = _own_namespace(settings.token_file if settings is not None else ACCOUNT / "token")
    return {*needs.namespaces, *USUAL, *own}


def _own_namespace(token: Path) -> list[str]:
    try:
        found = (token.parent / "namespace").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return []
    return [found] if found else []


def _faults(settings: Settings, reading: Reading, needs: Needs) -> Iterator[Look]:
    errors = errors_of(settings, reading)
    if errors:
        why = "what is left out of them is not counted as needed"
        yield Look("files", Grade.WRONG, f"{len(errors)} errors", why, "homeostat check")
    for said in needs.left_out:
        yield Look("plugins", Grade.WRONG, said, "no Role gives it", "mend the plugin")


def _unknown(found: Granted) -> Iterator[Look]:
    for said in found.unknown:
        mend = "let the agent's account be authorised by RBAC alone"
        yield Look("rights", Grade.WRONG, said, WHY_UNKNOWN, mend)


def _missing(needs: Needs, found: Granted) -> Iterator[Look]:
    for need in missing(needs.all, found):
        grade, why = Grade.WRONG, WHY_MISSING
        if need.optional:
            grade, why = Grade.UNWISE, WHY_LESS
        said = f"may not {need.text}: {_by(need)}"
        yield Look(f"missing{_where(need.namespace)}", grade, said, why, GRANT)


def _by(need: Need) -> str:
    more = len(need.by) - MOST_BY
    return ", ".join(need.by[:MOST_BY]) + (f" and {more} more" if more > 0 else "")


def _excess(needs: Needs, found: Granted) -> Iterator[Look]:
    for each in excess(needs.all, found):
        where = _where(each.namespace) or " everywhere"
        yield Look(f"too much{where}", Grade.WRONG, f"may {each.text}", WHY_EXCESS, TAKE_AWAY)


def _where(namespace: str) -> str:
    return f" in {namespace}" if namespace else ""


def _unserved(lacking: Sequence[Unserved]) -> Iterator[Look]:
    for each in lacking:
        grade = Grade.WRONG if each.is_needed and each.is_installed else Grade.UNWISE
        more = len(each.used_by) - MOST_BY
        used = ", ".join(each.used_by[:MOST_BY]) + (f" and {more} more" if more > 0 else "")
        said = f"{each.resource} is not served; asked for by {used}"
        yield Look("kinds", grade, said, f"nothing is known of {each.resource}", each.why)


def _asked(
    settings: ClusterSettings,
    ask: Callable[[ClusterConnection], Awaitable[T]],
    *,
    seconds: float,
) -> T:
    """Raises HomeostatError where the API server does not answer in time."""

    async def once() -> T:
        connection = ClusterConnection(settings, SystemClock())
        try:
            async with asyncio.timeout(seconds):
                return await ask(connection)
        except TimeoutError as error:
            raise Temporary(f"the API server does not answer within {seconds:.0f} s") from error
        finally:
            await connection.close()

    return asyncio.run(once())
