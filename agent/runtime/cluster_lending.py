"""What a plugin is lent of a cluster: no more than it declares, and every answer with its meaning.

Reads are tried again by whoever decided on them. Writes are sent as a dry run first and then once:
a conflict is for whoever read the object, and what came of a write without an answer is unknown.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, NamedTuple, NoReturn

from agent.model.cluster import BY_THE_AGENT, Asked, Right
from agent.model.errors import Permanent, Temporary, UnknownEffect
from agent.ports.cluster import (
    FIELD_MANAGER,
    Busy,
    Conflict,
    Gone,
    How,
    Json,
    LogText,
    Rejected,
    RightsMissing,
)
from agent.ports.cluster_kinds import KINDS, WORKLOADS, Ref, path_of, ref_of
from agent.ports.cluster_objects import Kept
from agent.runtime.cluster import Cluster
from agent.runtime.cluster_connection import Reply

LOG_BYTES = 512 * 1024
MOST_LINES = 5000
NOT_ACCEPTED = (
    "the API server does not accept the agent's token (401), nor the one read anew: it is expired, "
    "or its pod or account is gone"
)
PAGE = 500
JSON = "application/json"
WRITES = frozenset({"patch", "create", "delete"})
CANNOT = re.compile(r'User ".*" cannot ')
NO_CLUSTER = "no Kubernetes is connected: write `kubernetes:` into the settings (homeostat doctor)"


class Write(NamedTuple):
    """One change: verb and subresource as RBAC knows them."""

    verb: str
    ref: Ref
    part: str
    body: Any


@dataclass(eq=False)
class Lent:
    """Implements ports.cluster.ClusterReader for one call of one plugin."""

    lent_by: Cluster | None
    _: KW_ONLY
    use: str
    rights: Sequence[Right]
    seconds: float

    @property
    def _cluster(self) -> Cluster:
        if self.lent_by is None:
            raise Permanent(NO_CLUSTER)
        return self.lent_by

    async def find(self, target: str, *, kinds: Sequence[str] = ()) -> Ref:
        wanted = tuple(kinds) or WORKLOADS
        ref = ref_of(target)
        if ref is not None:
            if kinds and ref.kind not in kinds:
                raise Permanent(f"{target} is no {' or '.join(kinds)}")
            return ref
        found = self._cluster.objects_of(target, wanted)
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.text for each in found[:3])
            raise Permanent(f"{target} is {len(found)} objects, and one is asked for: {names}")
        raise Permanent(
            f"{target} is no {', '.join(wanted)} that is known: say where it runs by "
            "`spec.homeostat.kubernetes` in the catalog"
        )

    async def get(self, ref: Ref, *, part: str = "") -> Json | None:
        self._may("get", ref.kind, part, namespace=ref.namespace)
        reply = await self._ask("GET", path_of(ref.kind, ref.namespace, ref.name, part))
        if reply.status == 404:
            return None
        self._check(reply, "get", ref.kind, ref.namespace, ref.text)
        return _object(reply)

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        most: int = 1000,
    ) -> tuple[Json, ...]:
        self._may("list", kind, namespace=namespace)
        asked = {"labelSelector": labels, "fieldSelector": fields, "limit": str(PAGE)}
        query = {name: text for name, text in asked.items() if text}
        found: list[Json] = []
        while True:
            reply = await self._ask("GET", path_of(kind, namespace), query=query)
            self._check(reply, "list", kind, namespace, KINDS[kind].plural)
            page = _object(reply)
            found += page.get("items") or ()
            more = (page.get("metadata") or {}).get("continue")
            if len(found) > most or (more and len(found) == most):
                raise Permanent(f"more than {most} {KINDS[kind].plural} in {namespace or 'all'}")
            if not more:
                return tuple(found)
            query["continue"] = more

    async def logs(
        self, pod: Ref, *, container: str = "", previous: bool = False, lines: int = 200
    ) -> LogText:
        self._may("get", "pod", "log", namespace=pod.namespace)
        lines = max(1, min(lines, MOST_LINES))
        query = {"tailLines": str(lines + 1), "limitBytes": str(LOG_BYTES)}
        query |= {"container": container} if container else {}
        query |= {"previous": "true"} if previous else {}
        reply = await self._ask("GET", path_of("pod", pod.namespace, pod.name, "log"), query=query)
        self._check(reply, "get", "pod", pod.namespace, f"the log of {pod.text}", "log")
        text = reply.body.decode(errors="replace").splitlines()
        cut = len(text) > lines or len(reply.body) >= LOG_BYTES
        return LogText(lines=tuple(text[-lines:]), is_cut=cut)

    async def question(self, path: str) -> Json:
        if path.partition("?")[0].strip("/").split("/")[0] not in ("version", "readyz", "livez"):
            raise Permanent(f"{self.use} asks for {path[:80]}, which is no question")
        reply = await self._ask("GET", path)
        if reply.status == 403:
            raise RightsMissing(f"{path}: {reply.said}")
        if reply.status == 401:
            raise Temporary(NOT_ACCEPTED)
        # `/readyz` answers 500 with the checks that fail: that is its answer.
        try:
            return _object(reply)
        except Temporary:
            return {"status": reply.status, "text": reply.body[:20_000].decode(errors="replace")}

    def kept(self, name: str) -> Kept | None:
        return self._cluster.keeping.kept(name)

    def all_kept(self, kind: str, *, namespace: str = "") -> tuple[Kept, ...]:
        return self._cluster.keeping.all_kept(kind, namespace=namespace)

    def made_by(self, name: str) -> tuple[Kept, ...]:
        return self._cluster.keeping.made_by(name)

    def entity_of(self, name: str) -> str | None:
        return self._cluster.keeping.entity_named(name)

    def machines(self) -> Sequence[str]:
        return self._cluster.settings.machines

    def now(self) -> float:
        return self._cluster.clock.now()

    # inside

    def _may(self, verb: str, kind: str, part: str = "", *, namespace: str) -> None:
        for right in self.rights:
            fits = (right.kind, right.part) == (kind, part) and verb in right.verbs
            if fits and right.namespace in ("", namespace):
                return
        what = f"{KINDS[kind].resource}/{part}" if part else KINDS[kind].resource
        raise Permanent(f"{self.use} does not declare that it may {verb} {what}")

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        media_type: str = "application/json",
    ) -> Reply:
        return await self._cluster.connection.ask(
            method,
            path,
            query=query,
            body=body,
            media_type=media_type,
            timeout_seconds=self.seconds,
        )

    def _check(
        self, reply: Reply, verb: str, kind: str, namespace: str, what: str, part: str = ""
    ) -> None:
        """Raises what the status means for something that changes nothing."""
        if reply.is_fine:
            return
        if reply.status == 404:
            raise Gone(f"{what} is not there")
        if reply.status == 403 and verb in WRITES and not _is_about_rights(reply):
            raise Rejected(f"{what}: {reply.said}")
        if reply.status == 401:
            raise Temporary(NOT_ACCEPTED)
        if reply.status == 403:
            resource = f"{KINDS[kind].resource}/{part}" if part else KINDS[kind].resource
            where = f" in {namespace}" if namespace else ""
            raise RightsMissing(
                f"rights missing: the agent may not {verb} {resource}{where} (homeostat rbac)"
            )
        if reply.status == 409:
            raise Conflict(f"{what}: {reply.said}")
        if reply.status == 429:
            raise Busy(f"{what}: {reply.said}", after_seconds=reply.after_seconds)
        if reply.status in (400, 405, 413, 415, 422):
            raise Rejected(f"{what}: {reply.said}")
        raise Temporary(f"the API server said {reply.said}", after_seconds=reply.after_seconds)


@dataclass(eq=False)
class LentToChange(Lent):
    """Implements ports.cluster.ClusterControl."""

    _: KW_ONLY
    asked: Asked = BY_THE_AGENT

    async def find(self, target: str, *, kinds: Sequence[str] = ()) -> Ref:
        ref = await super().find(target, kinds=kinds)
        if ref_of(target) is None and not self._cluster.is_named(target, ref):
            # Found by its labels: while not all is seen, it may be one of several.
            for missing in self._cluster.unsynced():
                raise Temporary(f"{target} may be more than {ref.text}: {missing}"[:300])
        return ref

    async def patch(
        self, ref: Ref, body: Sequence[Json] | Json, *, how: How, part: str = ""
    ) -> Json:
        self._may("patch", ref.kind, part, namespace=ref.namespace)
        path = path_of(ref.kind, ref.namespace, ref.name, part)
        return await self._write(Write("patch", ref, part, body), "PATCH", path, how.value)

    async def create(self, kind: str, namespace: str, body: Json) -> Json:
        self._may("create", kind, namespace=namespace)
        name = str((body.get("metadata") or {}).get("name", ""))
        write = Write("create", Ref(kind, name, namespace), "", body)
        return await self._write(write, "POST", path_of(kind, namespace), JSON)

    async def pause(self, seconds: float) -> None:
        await self._cluster.clock.sleep(seconds)

    async def evict(self, pod: Ref, *, uid: str) -> None:
        self._may("create", "pod", "eviction", namespace=pod.namespace)
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        path = path_of("pod", pod.namespace, pod.name, "eviction")
        await self._write(Write("create", pod, "eviction", body), "POST", path, JSON)

    async def delete(self, ref: Ref, *, uid: str) -> None:
        self._may("delete", ref.kind, namespace=ref.namespace)
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        path = path_of(ref.kind, ref.namespace, ref.name)
        try:
            await self._write(Write("delete", ref, "", body), "DELETE", path, JSON)
        except Gone:
            return

    async def _write(self, write: Write, method: str, path: str, media_type: str) -> Json:
        await self._tried(write, method, path, media_type)
        query = {} if method == "DELETE" else {"fieldManager": FIELD_MANAGER}
        reply = await self._ask(method, path, query=query, body=write.body, media_type=media_type)
        if reply.status >= 500:
            # It may have been written before whoever stands between failed to say so.
            raise UnknownEffect(f"{write.ref.text}: the API server said {reply.said}")
        self._check_write(reply, write)
        try:
            return _object(reply)
        except Temporary as strange:
            # It was taken, by whoever answered: nobody may take it for not sent.
            raise UnknownEffect(f"{write.ref.text}: {strange}") from strange

    async def _tried(self, write: Write, method: str, path: str, media_type: str) -> Json:
        """The same, by a dry run that changes nothing."""
        body, query = write.body, {"dryRun": "All"}
        if method == "DELETE":
            # Its query is not looked at where it has a body: it would be gone for good.
            body, query = {**write.body, "dryRun": ["All"]}, {}
        else:
            query["fieldManager"] = FIELD_MANAGER
        try:
            tried = await self._ask(method, path, query=query, body=body, media_type=media_type)
        except UnknownEffect as nothing:
            raise Temporary(str(nothing)) from nothing  # a dry run has no effect
        self._check_write(tried, write)
        return _object(tried)

    def _check_write(self, reply: Reply, write: Write) -> None:
        ref = write.ref
        self._check(reply, write.verb, ref.kind, ref.namespace, ref.text, write.part)


class Showing(NamedTuple):
    """A change as it would be. `after` None: there would be no object; `before` None: there is
    none, or nobody looked."""

    write: Write
    before: Json | None
    after: Json | None


@dataclass(eq=False)
class LentToShow(LentToChange):
    """For a preview: every change is a dry run and nothing else."""

    shown: builtins.list[Showing] = field(default_factory=builtins.list, init=False)
    _read: dict[tuple[Ref, str], Json] = field(default_factory=dict, init=False)

    async def get(self, ref: Ref, *, part: str = "") -> Json | None:
        found = await super().get(ref, part=part)
        if found is not None:
            self._read[ref, part] = found
        return found

    async def _write(self, write: Write, method: str, path: str, media_type: str) -> Json:
        tried = await self._tried(write, method, path, media_type)
        is_object = write.verb == "patch" or (write.verb == "create" and not write.part)
        before = self._read.get((write.ref, write.part)) or self._read.get((write.ref, ""))
        self.shown.append(Showing(write, before, tried if is_object else None))
        return tried


def _is_about_rights(reply: Reply) -> bool:
    """Admission controls, such as a quota, forbid a write with the same status as the authorizer,
    who says `User "..." cannot patch resource "..."`."""
    return CANNOT.search(reply.said) is not None


def _object(reply: Reply) -> Json:
    told = reply.json()
    if not isinstance(told, dict):
        _strange(told)
    return told


def _strange(told: object) -> NoReturn:
    raise Temporary(f"the API server answered {type(told).__name__}, not an object")
