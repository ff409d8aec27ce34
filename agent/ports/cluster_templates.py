"""When two workloads make equal pods: by a digest of their template, of the bytes the API server
sends. It writes the fields of one object in one order, so equal bytes are equal templates.

What only starts pods anew is left out (`kubectl rollout restart` writes a time into the template),
and so is what a Deployment adds to the templates of its replica sets.
"""

from __future__ import annotations

import hashlib

import msgspec

RESTARTED = "kubectl.kubernetes.io/restartedAt"
OURS = "homeostat/"
ADDED_LABELS = frozenset({"pod-template-hash", "controller-revision-hash"})


class _Meta(msgspec.Struct):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Template(msgspec.Struct):
    metadata: _Meta | None = None
    spec: msgspec.Raw = msgspec.Raw(b"{}")


class _Spec(msgspec.Struct):
    template: _Template | None = None


class _Workload(msgspec.Struct):
    spec: _Spec | None = None


_WORKLOADS = msgspec.json.Decoder(_Workload)


def template_digest(body: bytes | msgspec.Raw) -> str:
    """Of a Deployment, ReplicaSet, StatefulSet or DaemonSet as JSON; empty: it has no template that
    can be read."""
    try:
        found = _WORKLOADS.decode(body)
    except (ValueError, RecursionError):
        return ""
    template = found.spec.template if found.spec is not None else None
    if template is None:
        return ""
    meta = template.metadata or _Meta()
    labels = {k: v for k, v in (meta.labels or {}).items() if k not in ADDED_LABELS}
    notes = {
        key: text
        for key, text in (meta.annotations or {}).items()
        if key != RESTARTED and not key.startswith(OURS)
    }
    parts = (sorted(labels.items()), sorted(notes.items()))
    digest = hashlib.blake2b(msgspec.json.encode(parts), digest_size=12)
    digest.update(bytes(template.spec))
    return digest.hexdigest()
