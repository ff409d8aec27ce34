"""What is changed in a cluster: whether it is seen, and whether somebody else has the say there.

The action reads its object anew before it writes, and refuses the same; these answer before
anything is begun, so that people are told what was in the way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from agent.core.inventory import search
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.core.view import ClusterSight
from agent.model.product import InventoryObject
from agent.model.reason import Reason

CLUSTER = "kubernetes"
LONGEST = 300
MAKERS = ("deployment", "statefulset", "daemonset", "job", "cronjob")


def _is_in_cluster(q: Question) -> bool:
    return q.view.plugins[q.use].needs == CLUSTER


@rail(
    id="cluster_seen",
    reads=("plugins", "registry", "cluster", "policy"),
    reasons=(Reason.CLUSTER_UNSEEN,),
    lets_go=True,
    default="2 min",
)
def cluster_seen(q: Question) -> Stop | None:
    """The cluster is seen as it is: what was found out about it still holds."""
    longest = q.view.policy.rails.cluster_age_seconds
    if not _is_in_cluster(q) or math.isinf(longest):
        return None
    whole = q.view.cluster
    if whole is None:
        return Stop(reason=Reason.CLUSTER_UNSEEN, text="no cluster is connected")
    for sight in _sights(q, whole):
        if sight.trouble or sight.seen_at is None:
            text = sight.trouble or "it is not known what was missed"
            return Stop(reason=Reason.CLUSTER_UNSEEN, text=text[:LONGEST])
        age = q.at - sight.seen_at
        if age > longest:
            text = f"last seen {age:.0f} s ago, at most {longest:.0f} s"
            return Stop(reason=Reason.CLUSTER_UNSEEN, text=text)
    return None


def _sights(q: Question, whole: ClusterSight) -> Iterator[ClusterSight]:
    """How the namespaces are seen that the step is about: what is amiss with those of one product
    holds no other. Where they cannot be told it is the whole cluster."""
    entity = q.view.registry.entities.get(q.target or "")
    parts = (q.target or "").split("/")
    spaces: set[str] = set()
    if entity is not None:
        spaces = {place.namespace for place in entity.places}
    elif len(parts) in (2, 3):
        spaces = {parts[0] if len(parts) == 3 else ""}
    if not spaces:
        yield whole
    for space in sorted(spaces):
        yield whole.spaces.get(space, whole.spaces.get("", whole))


@rail(
    id="not_ignored",
    reads=("plugins", "registry", "inventory"),
    reasons=(Reason.LEFT_TO_OWNERS,),
    holds_people=True,
    default="annotation or label `homeostat/ignore`",
)
def not_ignored(q: Question) -> Stop | None:
    """What its owners marked to be left alone is left alone."""
    if not _is_in_cluster(q):
        return None
    for thing in _concerned(q):
        if thing.facts.get("ignored", False):
            text = f"{thing.name} is marked homeostat/ignore"
            return Stop(reason=Reason.LEFT_TO_OWNERS, text=text[:LONGEST])
    return None


@rail(
    id="not_kept_elsewhere",
    reads=("plugins", "registry", "inventory"),
    reasons=(Reason.GITOPS_OWNED,),
    holds_people=True,
    default="what Argo CD and Flux mark, for what changes a declaration",
)
def not_kept_elsewhere(q: Question) -> Stop | None:
    """What a repository declares is changed there: here it would only be undone."""
    if not _is_in_cluster(q) or not q.view.plugins[q.use].declares:
        return None
    for thing in _concerned(q):
        keeper = thing.facts.get("gitops", "")
        if keeper:
            text = f"{keeper} keeps {thing.name}; for its repository: {_act(q)}"
            return Stop(reason=Reason.GITOPS_OWNED, text=text[:LONGEST])
    return None


def _act(q: Question) -> str:
    """What would have been done, for whoever does it there."""
    others = {name: value for name, value in (q.params or {}).items() if name != "target"}
    told = [f"{name} {str(value)[:80]}" for name, value in sorted(others.items())]
    return ", ".join((q.use, *told))


def _concerned(q: Question) -> Iterator[InventoryObject]:
    """Everything in the inventory that the step is about: what it names, and what made that. Of a
    registered entity all that belongs to it, since the action finds its object by the entity."""
    known = q.view.inventory
    named = (q.target, *(q.params or {}).values())
    for name in dict.fromkeys(name for name in named if isinstance(name, str)):
        thing = known.get(name)
        if thing is not None:
            yield thing
            yield from _makers(thing, q)
        if name in q.view.registry.entities:
            yield from (other for other in known.values() if other.entity == name)


def _makers(thing: InventoryObject, q: Question) -> Iterator[InventoryObject]:
    namespace = thing.facts.get("namespace")
    if not isinstance(namespace, str):
        return
    word, name = ("job_name" if thing.kind == "job" else thing.kind), thing.name.rpartition("/")[2]
    for kind in MAKERS:
        if kind != thing.kind:
            yield from search(kind, {"namespace": namespace, word: name}, q.view)
