"""What a plugin is lent of a cluster, against an API server that answers what the test says."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.cluster import ClusterPlace, Right
from agent.model.errors import Permanent, Temporary, UnknownEffect
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Registry
from agent.ports.cluster import Busy, Conflict, Gone, How, Rejected, RightsMissing
from agent.ports.cluster_kinds import Ref
from agent.runtime.cluster import Cluster
from agent.runtime.cluster_connection import Reply
from agent.runtime.cluster_lending import Lent, LentToChange, LentToShow
from tests.support.clock import TestClock
from tests.support.watched import deployment

WEB = Ref("deployment", "web", "prod-a")
POD = Ref("pod", "web-1", "prod-a")
RIGHTS = (
    Right(kind="deployment", verbs=("get", "list", "patch")),
    Right(kind="pod", verbs=("delete",)),
    Right(kind="pod", part="eviction", verbs=("create",)),
    Right(kind="job", verbs=("create",)),
)
FORBIDDEN = 'deployments.apps "web" is forbidden: User "agent" cannot patch resource "deployments"'


class Sent(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    body: Any

    @property
    def is_dry(self) -> bool:
        if self.method == "DELETE":
            # What the API server does: the query counts only where there is no body.
            return bool(self.body.get("dryRun") == ["All"])
        return self.query.get("dryRun") == "All"


class Server:
    """Answers in turn; with the last answer from then on."""

    def __init__(self, *answers: Reply | Exception) -> None:
        self._answers = list(answers)
        self.sent: list[Sent] = []

    async def ask(
        self, method: str, path: str, *, query: Any = None, body: Any = None, **_more: Any
    ) -> Reply:
        self.sent.append(Sent(method, path, dict(query or {}), body))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def said(status: int, body: Any = None, **headers: str) -> Reply:
    told = {k.replace("_", "-"): v for k, v in headers.items()}
    return Reply(status=status, body=msgspec.json.encode(body or {}), headers=told)


def failed(status: int, message: str = "no") -> Reply:
    return said(status, {"kind": "Status", "message": message})


FINE = said(200, {"metadata": {"name": "web"}})


def cluster(server: Server) -> Cluster:
    view = View(policy=Policy(), registry=Registry(), runbooks=MatchIndex(()), plugins={})
    made = Cluster(ClusterSettings(), clock=TestClock(0.0), view=view)
    made.connection = server  # type: ignore[assignment]
    return made


def changes(server: Server, kind: type[LentToChange] = LentToChange) -> Any:
    return kind(cluster(server), use="some.action", rights=RIGHTS, seconds=1.0)


async def patch(lent: Any) -> Any:
    return await lent.patch(WEB, {"spec": {"replicas": 3}}, how=How.MERGE)


async def test_what_a_plugin_does_not_declare_is_refused_before_it_is_sent() -> None:
    server = Server(FINE)
    lent = changes(server)
    for call in (
        lent.get(POD),
        lent.list("pod"),
        lent.logs(POD),
        lent.patch(POD, {}, how=How.MERGE),
        lent.patch(WEB, {}, how=How.MERGE, part="scale"),
        lent.create("pod", "prod-a", {}),
        lent.delete(WEB, uid="u"),
        lent.get(Ref("secret", "web", "prod-a")),
    ):
        with pytest.raises(Permanent, match=r"some\.action does not declare that it may"):
            await call
    assert server.sent == []


async def test_whoever_reads_has_nothing_that_writes() -> None:
    lent = Lent(cluster(Server(FINE)), use="some.diagnostic", rights=RIGHTS, seconds=1.0)
    for name in ("patch", "create", "evict", "delete"):
        assert not hasattr(lent, name)


async def test_every_change_is_tried_dry_before_it_is_written() -> None:
    server = Server(FINE)
    lent = changes(server)
    await patch(lent)
    await lent.create("job", "prod-a", {"metadata": {"name": "again"}})
    await lent.evict(POD, uid="u-1")
    await lent.delete(POD, uid="u-1")
    assert [s.method for s in server.sent] == [
        m for m in ("PATCH", "POST", "POST", "DELETE") for _ in "12"
    ]
    assert [s.is_dry for s in server.sent] == [True, False] * 4
    evicted, deleted = server.sent[5], server.sent[7]
    assert evicted.path.endswith("/pods/web-1/eviction")
    assert evicted.body["deleteOptions"]["preconditions"] == {"uid": "u-1"}
    assert deleted.body["preconditions"] == {"uid": "u-1"}


async def test_what_a_dry_run_refuses_is_never_written() -> None:
    server = Server(failed(422, "spec.replicas: Invalid value"))
    with pytest.raises(Rejected, match="Invalid value"):
        await patch(changes(server))
    assert [s.is_dry for s in server.sent] == [True]


async def test_a_preview_sends_dry_runs_and_nothing_else() -> None:
    """F-GRD-11"""
    server = Server(FINE)
    lent = changes(server, LentToShow)
    await lent.get(WEB)
    await patch(lent)
    await lent.create("job", "prod-a", {"metadata": {"name": "again"}})
    await lent.evict(POD, uid="u-1")
    await lent.delete(POD, uid="u-1")
    writes = [s for s in server.sent if s.method != "GET"]
    assert len(writes) == 4
    assert all(s.is_dry for s in writes)
    verbs = [(showing.write.verb, showing.write.ref.text) for showing in lent.shown]
    assert verbs == [
        ("patch", WEB.text),
        ("create", "prod-a/job/again"),
        ("create", POD.text),
        ("delete", POD.text),
    ]
    assert lent.shown[0].before == {"metadata": {"name": "web"}}


@pytest.mark.parametrize(
    ("reply", "raised", "words"),
    [
        (failed(409, "the object has been modified"), Conflict, "modified"),
        (failed(404), Gone, "prod-a/deployment/web is not there"),
        (failed(400), Rejected, "400: no"),
        (failed(422), Rejected, "422: no"),
        (failed(403, FORBIDDEN), RightsMissing, "may not patch deployments.apps in prod-a"),
        (failed(401), Temporary, "does not accept the agent's token"),
        (failed(403, "exceeded quota: few"), Rejected, "exceeded quota"),
        (failed(429), Busy, "429: no"),
        (failed(500), Temporary, "500: no"),
        (failed(503), Temporary, "503: no"),
        (said(200, ["no", "object"]), Temporary, "not an object"),
    ],
)
async def test_each_answer_has_its_meaning(
    reply: Reply, raised: type[Exception], words: str
) -> None:
    """F-K8-01, F-K8-04, F-K8-06: to a dry run, so nothing was done."""
    with pytest.raises(raised, match=words):
        await patch(changes(Server(reply)))


async def test_the_wish_when_to_ask_again_is_passed_on() -> None:
    """F-K8-04"""
    with pytest.raises(Busy) as raised:
        await patch(changes(Server(said(429, retry_after="9"))))
    assert raised.value.after_seconds == 9.0


@pytest.mark.parametrize(
    "answer", [failed(500), failed(502), failed(503), failed(504), UnknownEffect("cut")]
)
async def test_after_the_write_was_sent_what_failed_is_unknown(answer: Any) -> None:
    """F-K8-05"""
    server = Server(FINE, answer)
    with pytest.raises(UnknownEffect):
        await patch(changes(server))
    assert [s.is_dry for s in server.sent] == [True, False]


async def test_a_dry_run_whose_answer_was_lost_had_no_effect() -> None:
    """F-K8-05"""
    server = Server(UnknownEffect("cut"))
    with pytest.raises(Temporary, match="cut"):
        await patch(changes(server))
    assert len(server.sent) == 1


async def test_what_is_gone_already_is_deleted() -> None:
    server = Server(failed(404))
    await changes(server).delete(POD, uid="u-1")
    assert len(server.sent) == 1


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"\xff"])
async def test_a_write_that_was_taken_with_strange_words_is_unknown(body: bytes) -> None:
    """F-K8-05"""
    with pytest.raises(UnknownEffect):
        await patch(changes(Server(FINE, Reply(status=200, body=body))))


@pytest.mark.parametrize(
    ("place", "is_sure"),
    [
        (ClusterPlace(namespace="shop", kind="deployment", name="web"), True),
        (ClusterPlace(namespace="shop", labels={"app": "web"}), False),
    ],
)
async def test_what_is_found_by_labels_may_be_one_of_several_while_not_all_is_seen(
    place: ClusterPlace, is_sure: bool
) -> None:
    entity = Entity(
        name="web", kind=EntityKind.SERVICE, product="shop", owner="ana", places=(place,)
    )
    lent_by = cluster(Server(FINE))
    lent_by._view.registry = Registry(entities={"web": entity})
    lent_by.keeping.changed(deployment(labels={"app": "web"}), True)
    lent = LentToChange(lent_by, use="some.action", rights=RIGHTS, seconds=1.0)
    if is_sure:
        assert (await lent.find("web")).text == "shop/deployment/web"
        return
    with pytest.raises(Temporary, match="has not begun"):
        await lent.find("web")
    reader = Lent(lent_by, use="some.look", rights=RIGHTS, seconds=1.0)
    assert (await reader.find("web")).text == "shop/deployment/web", "to look does no harm"
