"""What the agent is granted in a cluster, asked with its own credentials, against what it needs.

`SelfSubjectRulesReview` answers for a namespace and counts in it what is granted everywhere. What
that is alone is told for a namespace that does not exist: nobody can be granted anything there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from agent.model.errors import Temporary
from agent.ports.cluster_walking import items, text
from agent.runtime.cluster_connection import Reply
from agent.runtime.cluster_rights import Need

NOWHERE = "homeostat-asks-what-is-granted-everywhere"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
SECONDS = 10.0
EVERYBODY = frozenset(
    {
        ("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
        ("authorization.k8s.io", "selfsubjectrulesreviews", "create"),
        ("authentication.k8s.io", "selfsubjectreviews", "create"),
    }
)
"""What `system:basic-user` gives to whoever has proven who they are. Discovery and the public
information are no resources, and are not looked at."""
ANY = "*"


class Asked(Protocol):
    """A connection, as far as it is used here."""

    async def ask(
        self, method: str, path: str, *, body: Any = ..., timeout_seconds: float = ...
    ) -> Reply: ...


class Grant(NamedTuple):
    """One verb on one resource. `name` empty: of any."""

    group: str
    resource: str
    verb: str
    name: str = ""


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    everywhere: frozenset[Grant]
    inside: Mapping[str, frozenset[Grant]]
    """By namespace, without what is granted everywhere."""
    unknown: tuple[str, ...] = ()
    """Why this may not be all of it, as sentences."""

    def of(self, namespace: str) -> frozenset[Grant]:
        """All that counts there; for the empty one, in the whole cluster."""
        return self.everywhere | self.inside.get(namespace, frozenset())


class Excess(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """What is granted and nobody needs."""

    namespace: str
    resource: str
    """As people write it: `deployments.apps`."""
    name: str
    verbs: tuple[str, ...]

    @property
    def text(self) -> str:
        of = f" ({self.name})" if self.name else ""
        return f"{', '.join(self.verbs)} {self.resource}{of}"


async def granted(connection: Asked, namespaces: Collection[str]) -> Granted:
    """Raises Temporary where the API server does not say."""
    everywhere, unknown = await _review(connection, NOWHERE)
    inside = {}
    for namespace in sorted(namespaces):
        found, more = await _review(connection, namespace)
        inside[namespace] = found - everywhere
        unknown = tuple(dict.fromkeys((*unknown, *more)))
    return Granted(everywhere=everywhere, inside=inside, unknown=unknown)


async def _review(connection: Asked, namespace: str) -> tuple[frozenset[Grant], tuple[str, ...]]:
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    reply = await connection.ask("POST", REVIEWS, body=body, timeout_seconds=SECONDS)
    if not reply.is_fine:
        raise Temporary(f"the API server does not say what is granted: {reply.said}")
    told = reply.json()
    status = told.get("status") if isinstance(told, Mapping) else None
    if not isinstance(status, Mapping):
        raise Temporary("the API server does not say what is granted: it answered something else")
    why = text(status, "evaluationError")
    part = status.get("incomplete") or why
    unknown = (f"the API server tells only a part: {why or 'it does not say why'}",) if part else ()
    return frozenset(_grants(items(status, "resourceRules"))), unknown


def _grants(rules: Iterable[Mapping[str, Any]]) -> Iterator[Grant]:
    for rule in rules:
        for group in _texts(rule, "apiGroups"):
            for resource in _texts(rule, "resources"):
                for verb in _texts(rule, "verbs"):
                    if (group, resource, verb) in EVERYBODY:
                        continue
                    for name in _texts(rule, "resourceNames") or [""]:
                        yield Grant(group, resource, verb, name)


def _texts(rule: Mapping[str, Any], key: str) -> list[str]:
    found = rule.get(key)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def missing(needs: Iterable[Need], found: Granted) -> tuple[Need, ...]:
    """What is needed and not granted, with the names that lack it."""
    lacking = []
    for need in needs:
        fit = [grant for grant in found.of(need.namespace) if _covers(grant, need)]
        if any(not grant.name for grant in fit):
            continue
        names = {grant.name for grant in fit}
        left = tuple(name for name in need.names if name not in names)
        if left or not need.names:
            lacking.append(msgspec.structs.replace(need, names=left))
    return tuple(lacking)


def _covers(grant: Grant, need: Need) -> bool:
    part = need.resource.partition("/")[2]
    resources = (need.resource, ANY, f"{ANY}/{part}" if part else ANY)
    return (
        grant.group in (need.group, ANY)
        and grant.resource in resources
        and grant.verb in (need.verb, ANY)
    )


def excess(needs: Sequence[Need], found: Granted) -> tuple[Excess, ...]:
    """What is granted and not needed, in the places that were asked for."""
    known: dict[tuple[str, str, str, str], set[str]] = {}
    for need in needs:
        names = known.setdefault((need.namespace, need.group, need.resource, need.verb), set())
        names.update(need.names or ("",))
    places = {"": found.everywhere, **found.inside}
    verbs: dict[tuple[str, str, str], set[str]] = {}
    for namespace, grants in places.items():
        for grant in grants:
            names = known.get((namespace, grant.group, grant.resource, grant.verb), set())
            if "" in names or grant.name in names:
                continue
            what = f"{grant.resource}.{grant.group}" if grant.group else grant.resource
            verbs.setdefault((namespace, what, grant.name), set()).add(grant.verb)
    return tuple(
        Excess(namespace=namespace, resource=what, name=name, verbs=tuple(sorted(of)))
        for (namespace, what, name), of in sorted(verbs.items())
    )
