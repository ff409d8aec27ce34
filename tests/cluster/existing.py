"""A cluster somebody else runs, taken when HOMEOSTAT_CLUSTER_KUBECONFIG names its kubeconfig.

It must be a throw-away one: tests create and delete namespaces, nodes, cluster roles and kinds, and
they do so as an administrator.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.asking import Credentials, tls_trusting
from tests.cluster.plane import Plane


class CannotUse(Exception):
    """The kubeconfig says something that the tests do not understand."""


def existing(kubeconfig: Path, programs: Mapping[str, Path], folder: Path) -> Plane:
    """By its current context; tokens and client certificates, no login programs."""
    config = yaml.safe_load(kubeconfig.read_text())
    current = _named(config, "contexts", config.get("current-context"))["context"]
    cluster = _named(config, "clusters", current["cluster"])["cluster"]
    user = _named(config, "users", current["user"])["user"]
    ca_file = _file(cluster, "certificate-authority", folder)
    tls = tls_trusting(ca_file)
    certificate, key = _file(user, "client-certificate", folder), _file(user, "client-key", folder)
    if certificate and key and tls:
        tls.load_cert_chain(certificate, key)
    token_file = user.get("tokenFile")
    token = Path(token_file).read_text().strip() if token_file else user.get("token")
    if token is None and certificate is None:
        raise CannotUse(
            f"{kubeconfig}: user {current['user']!r} has neither a token nor a client certificate; "
            "the tests run no login program (exec). Give them a kubeconfig with a token"
        )
    return Plane(
        credentials=Credentials(cluster["server"].rstrip("/"), tls, token),
        kubeconfig=kubeconfig,
        ca_file=ca_file,
        programs=programs,
        folder=folder,
    )


def _named(config: Any, group: str, name: object) -> Any:
    for one in config.get(group) or ():
        if one["name"] == name:
            return one
    raise CannotUse(f"the kubeconfig has no {group.removesuffix('s')} {name!r}")


def _file(entry: Mapping[str, Any], key: str, folder: Path) -> Path | None:
    if data := entry.get(f"{key}-data"):
        with tempfile.NamedTemporaryFile(dir=folder, suffix=f".{key}", delete=False) as written:
            written.write(base64.b64decode(data))
        return Path(written.name)
    return Path(entry[key]) if entry.get(key) else None
