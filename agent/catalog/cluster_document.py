"""The connection to a cluster (`kubernetes:` of the settings), and what of it belongs to whom
(`spec.homeostat.kubernetes` of the catalog).

kubernetes: {}                                    # inside the cluster, by the pod's service account
kubernetes: {kubeconfig: /etc/homeostat/kubeconfig, context: prod, machines: ["ci-*"]}
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import ConfigDict, Field, model_validator

from agent.catalog.addresses import HttpUrl
from agent.catalog.faults import wrong
from agent.catalog.quantities import PositiveDuration
from agent.catalog.runbook_words import LISTED
from agent.catalog.validation import Written
from agent.model.cluster import ClusterPlace

PathText = Annotated[str, Field(min_length=1)]
DnsName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
LabelKey = Annotated[str, Field(pattern=r"^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([\w.-]{0,61}[\w])?$")]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([\w.-]{0,61}[\w])?)?$")]
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where every pod finds its service account."""
EVERY_NAMESPACE = "*"


class ClusterDocument(Written):
    """Keys of `kubernetes` of the settings."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kubeconfig: PathText | None = None
    """Outside of the cluster: how to reach it."""
    context: Annotated[str, Field(min_length=1)] | None = None
    """Of the kubeconfig; its current one where not said."""
    server: HttpUrl | None = None
    """Address of the API server, with the two files below; else what the pod is told."""
    token_file: PathText | None = None
    """Read anew every minute: tokens of service accounts are short-lived."""
    ca_file: PathText | None = None
    namespaces: Annotated[tuple[str, ...], LISTED] = ()
    """What is watched: by default the namespaces that products declare; `*` is all of them."""
    nodes: bool = False
    """Watch nodes too, which takes a right of the whole cluster."""
    machines: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=128)], ...], LISTED
    ] = ()
    """Field managers (globs) that deliver or control; whoever else writes is a person."""
    relist: Annotated[PositiveDuration, Field(ge=10.0, le=3600.0)] = 300.0
    """How often everything is listed again, though the watch missed nothing by itself."""
    silence: Annotated[PositiveDuration, Field(ge=5.0, le=3600.0)] = 90.0
    """A watch that says nothing for so long, not even that it lives, is begun again."""

    @model_validator(mode="after")
    def _one_way(self) -> ClusterDocument:
        if self.kubeconfig is not None and self.server is not None:
            raise wrong("kubeconfig and server are two ways to say the same", "write one of them")
        if self.context is not None and self.kubeconfig is None:
            raise wrong("a context is of a kubeconfig", "write kubeconfig: PATH beside it")
        return self


class ClusterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The same with absolute paths and seconds."""

    kubeconfig: Path | None = None
    context: str | None = None
    server: str | None = None
    token_file: Path = ACCOUNT / "token"
    ca_file: Path | None = None
    namespaces: tuple[str, ...] = ()
    nodes: bool = False
    machines: tuple[str, ...] = ()
    relist: float = 300.0
    silence: float = 90.0


def compile_cluster(document: ClusterDocument | None, folder: Path) -> ClusterSettings | None:
    """None: there is no cluster. Paths are relative to the folder of the settings."""
    if document is None:
        return None
    keys = document.model_dump(exclude={"kubeconfig", "token_file", "ca_file"})
    return ClusterSettings(
        **keys,
        kubeconfig=_path(document.kubeconfig, folder),
        token_file=_path(document.token_file, folder) or ACCOUNT / "token",
        ca_file=_path(document.ca_file, folder),
    )


def _path(text: str | None, folder: Path) -> Path | None:
    return folder / text if text is not None else None


class PlaceKeys(Written):
    """Where it runs: one workload, or all of a namespace that has these labels, or nodes."""

    namespace: DnsName | None = None
    deployment: DnsName | None = None
    statefulset: DnsName | None = None
    daemonset: DnsName | None = None
    cronjob: DnsName | None = None
    job: DnsName | None = None
    rollout: DnsName | None = None
    node: DnsName | None = None
    nodes: dict[LabelKey, LabelValue] | None = None
    labels: dict[LabelKey, LabelValue] | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> PlaceKeys:
        named = [*self._named(), *(k for k in ("nodes", "labels") if getattr(self, k) is not None)]
        if len(named) > 1:
            remedy = "write a list with one place for each"
            raise wrong(f"{' and '.join(named)} are two places", remedy)
        is_node = self.node is not None or self.nodes is not None
        if is_node and self.namespace is not None:
            raise wrong("a node is in no namespace", "leave namespace out")
        if not is_node and self.namespace is None:
            raise wrong("in which namespace?", "write {namespace: shop, deployment: web}")
        return self

    def _named(self) -> list[str]:
        return [kind for kind in NAMED_KINDS if getattr(self, kind) is not None]


NAMED_KINDS = ("deployment", "statefulset", "daemonset", "cronjob", "job", "rollout", "node")


def compile_place(keys: PlaceKeys) -> ClusterPlace:
    kind = next((k for k in NAMED_KINDS if getattr(keys, k) is not None), "")
    if keys.nodes is not None:
        return ClusterPlace(kind="node", labels=keys.nodes)
    return ClusterPlace(
        namespace=keys.namespace or "",
        kind=kind,
        name=getattr(keys, kind) if kind else "",
        labels=keys.labels or {},
    )
