"""Reading which ConfigMaps and Secrets pods use, and how ConfigMaps differ.

Of Secrets only the names are known: nothing here has the right to read one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, pairwise, zip_longest
from typing import Any

import msgspec

from agent.ports.cluster_walking import items, mapping, moment, name_of, text, written_at
from agent.ports.safe_text import one_line

Json = Mapping[str, Any]
MOST_LINES = 20
LINE_CHARACTERS = 200
REVISION = "deployment.kubernetes.io/revision"


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """Names, by how pods come by them. The same name may be used in both ways."""

    mounted: frozenset[str] = frozenset()
    """Files that follow the ConfigMap after a while; whether a process reads them anew is its own
    affair."""
    fixed: frozenset[str] = frozenset()
    """Read once, when a container starts: variables, and files mounted by a sub path."""
    secrets: frozenset[str] = frozenset()

    @property
    def config_maps(self) -> tuple[str, ...]:
        return tuple(sorted(self.mounted | self.fixed))


def used_by(template: Json) -> Used:
    """Of a template of pods, or of a pod."""
    containers = (
        *items(template, "spec", "initContainers"),
        *items(template, "spec", "containers"),
    )
    by_sub_path = {
        text(mount, "name", most=63)
        for container in containers
        for mount in items(container, "volumeMounts")
        if text(mount, "subPath") or text(mount, "subPathExpr")
    }
    mounted: set[str] = set()
    fixed: set[str] = set()
    secrets: set[str] = set()
    for volume in items(template, "spec", "volumes"):
        names, hidden = _of_volume(volume)
        secrets |= hidden
        (fixed if text(volume, "name", most=63) in by_sub_path else mounted).update(names)
    for container in containers:
        for source in items(container, "envFrom"):
            fixed.add(text(source, "configMapRef", "name", most=253))
            secrets.add(text(source, "secretRef", "name", most=253))
        for variable in items(container, "env"):
            fixed.add(text(variable, "valueFrom", "configMapKeyRef", "name", most=253))
            secrets.add(text(variable, "valueFrom", "secretKeyRef", "name", most=253))
    return Used(
        mounted=frozenset(mounted - {""} - INJECTED),
        fixed=frozenset(fixed - {""}),
        secrets=frozenset(secrets - {""}),
    )


INJECTED = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt"})
"""Put into each pod by the cluster itself."""


def _of_volume(volume: Json) -> tuple[set[str], set[str]]:
    maps = {text(volume, "configMap", "name", most=253)}
    secrets = {text(volume, "secret", "secretName", most=253)}
    for source in items(volume, "projected", "sources"):
        maps.add(text(source, "configMap", "name", most=253))
        secrets.add(text(source, "secret", "name", most=253))
    return maps, secrets


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """The ConfigMap that was written last."""

    name: str
    at: float
    by: str


def last_change(config_maps: Iterable[Json]) -> Changed | None:
    """None: there is none, or one of them does not say when it was written, so that none can be
    said to be the last."""
    found = []
    for each in config_maps:
        written = written_at(each)
        if written is None:
            return None
        found.append(Changed(name=name_of(each), at=written[0], by=written[1]))
    return max(found, key=lambda change: change.at, default=None)


def is_loaded(declared: Used, pods: Iterable[Json], config_maps: Mapping[str, Json]) -> bool | None:
    """Whether all pods run with what is declared now. None: not known, as for files that changed
    under a process that may or may not have read them, or where Secrets are used."""
    answers = [_pod_loaded(declared, pod, config_maps) for pod in pods]
    if False in answers:
        return False
    if None in answers or declared.secrets or not answers:
        return None
    return True


def _pod_loaded(declared: Used, pod: Json, config_maps: Mapping[str, Json]) -> bool | None:
    if used_by(pod).config_maps != declared.config_maps:
        return False
    starts = _starts(pod)
    answer: bool | None = True
    for name in declared.config_maps:
        written = written_at(config_maps.get(name))
        if written is None or not starts:
            answer = None
        elif written[0] > max(starts) and name in declared.fixed:
            return False
        elif written[0] >= min(starts):
            answer = None
    return answer


def _starts(pod: Json) -> tuple[float, ...]:
    """When its containers were started; empty: not known of all of them."""
    times = [
        moment(each, "state", "running", "startedAt")
        for each in items(pod, "status", "containerStatuses")
    ]
    return tuple(at for at in times if at is not None) if None not in times else ()


GOOD_SECONDS = 3600.0
"""A copy is good once the workload was wholly available with it for so long."""


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """The last revision that used ConfigMaps of other names."""

    used: Used
    revision: int
    replaced_at: float
    """When the revision after it began."""
    ran_seconds: float

    def is_of_then(self, config_map: Json) -> bool:
        """Whether it holds what this revision was well with: nobody wrote it since."""
        written = written_at(config_map)
        return written is not None and written[0] <= self.replaced_at - GOOD_SECONDS


def earlier(replica_sets: Iterable[Json], owner_uid: str, declared: Used) -> Earlier | None:
    """Of a Deployment, by its replica sets. Only names that change with their content (as
    kustomize writes them) leave the earlier content in place."""
    own = sorted(
        (
            (number, each)
            for each in replica_sets
            if any(text(o, "uid") == owner_uid for o in items(each, "metadata", "ownerReferences"))
            and (number := _revision(each)) is not None
        ),
        key=lambda pair: -pair[0],
    )
    for (_, newer), (number, older) in pairwise(own):
        used = used_by(mapping(older, "spec", "template"))
        if used.config_maps == declared.config_maps:
            continue
        began = moment(older, "metadata", "creationTimestamp")
        replaced = moment(newer, "metadata", "creationTimestamp")
        # A replica set that was taken out again is older than what it replaced: for how long the
        # one before it ran is not known then.
        if began is None or replaced is None or replaced <= began:
            return None
        return Earlier(
            used=used, revision=number, replaced_at=replaced, ran_seconds=replaced - began
        )
    return None


def was_good(
    found: Earlier, *, available_since: float | None, done_at: Sequence[float] = ()
) -> bool:
    """`available_since`: since when the workload is available without a break, None: it is not.
    `done_at`: when rollouts of it were complete, as they were told."""
    if found.ran_seconds < GOOD_SECONDS:
        return False
    by = found.replaced_at - GOOD_SECONDS
    began = found.replaced_at - found.ran_seconds
    still = available_since is not None and available_since <= by
    return still or any(began <= at <= by for at in done_at)


def _revision(replica_set: Json) -> int | None:
    said = text(mapping(replica_set, "metadata", "annotations"), REVISION)
    return int(said) if said.isdecimal() and len(said) < 10 else None


def difference(good: Json, now: Json) -> tuple[str, ...]:
    """Lines of the data, from good to now, by key."""
    lines: list[str] = []
    before, after = mapping(good, "data"), mapping(now, "data")
    for key in sorted({*before, *after}):
        told = difflib.unified_diff(
            _lines(before.get(key)), _lines(after.get(key)), n=0, lineterm=""
        )
        # The first two lines name files, and `@@` says where: content begins with its sign.
        lines += [
            _line(f"{key}: {line[0]} {line[1:]}")
            for line in islice(told, 2, None)
            if not line.startswith("@@")
        ]
    hidden = mapping(good, "binaryData"), mapping(now, "binaryData")
    lines += [_line(f"{k}: (binary) differs") for k in sorted({*hidden[0], *hidden[1]})
              if hidden[0].get(k) != hidden[1].get(k)]  # fmt: skip
    return tuple(lines)


def paired(good: Sequence[str], now: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
    """Names of ConfigMaps with the ones that took their place: the same but for the last part, as
    in `web-5f7c9` and `web-8bd2k`. None: they cannot be told to be each other's."""
    pairs = tuple(zip_longest(sorted(good), sorted(now), fillvalue=""))
    bases = [(a.rpartition("-")[0], b.rpartition("-")[0]) for a, b in pairs]
    alike = all(a == b or (x and x == y) for (a, b), (x, y) in zip(pairs, bases, strict=True))
    return pairs if alike else None


def _lines(value: Any) -> list[str]:
    return value[:100_000].splitlines() if isinstance(value, str) else []


def _line(line: str) -> str:
    return one_line(line[: LINE_CHARACTERS * 2])[:LINE_CHARACTERS]
