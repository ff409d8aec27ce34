"""How an API server is reached: its address, whom to trust, and what to show.

Inside a cluster these are the files every pod is given; they are read anew every minute, because
its token is short-lived. Outside of it `kubernetes.aio` reads the kubeconfig, which may name a
program that logs in. Its package is large, and only needed there.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Any

from agent.catalog.cluster_document import ClusterSettings
from agent.model.errors import Permanent

REMEDY = "pip install 'homeostat[kubernetes]'"


@dataclass(frozen=True)
class Way:
    """Two that are equal but for their authorization share their connections."""

    host: str
    """With its scheme, and without a slash at the end."""
    authorization: str
    """Value of the header; empty: a client certificate speaks."""
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    is_checked: bool = True
    """False: a kubeconfig asks to trust anybody (insecure-skip-tls-verify)."""
    server_name: str | None = None
    """The name its certificate has, where that is not the one in its address."""
    proxy: str | None = None

    @property
    def place(self) -> tuple[object, ...]:
        """Everything but who asks."""
        trusted = (self.ca_file, self.cert_file, self.key_file, self.is_checked)
        return (self.host, self.proxy, self.server_name, *trusted)

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        # Authorities that older installers made lack an extension that Python 3.13 asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        if not self.is_checked:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


async def way_to(settings: ClusterSettings) -> Way:
    """Raises Permanent where a package is missing, and whatever its readers raise where a file is
    not as it should be."""
    if settings.kubeconfig is None:
        return _by_files(settings)
    try:
        from kubernetes.aio.client import Configuration  # an extra, and heavy
        from kubernetes.aio.config import ConfigException, load_kube_config
    except ModuleNotFoundError as error:
        raise Permanent(f"a kubeconfig needs a package that is missing: {REMEDY}") from error
    path = settings.kubeconfig
    try:
        # The loader takes a file that is not there for an empty one.
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    made: Any = Configuration()
    try:
        await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(path),
            context=settings.context,
            client_configuration=made,
            persist_config=False,
        )
    except ConfigException as error:
        look = f"kubectl config get-contexts --kubeconfig {path}"
        raise ValueError(f"{path}: {error} (what it has: {look})") from error
    return Way(
        host=made.host.rstrip("/"),
        authorization=made.api_key.get("BearerToken", ""),
        ca_file=made.ssl_ca_cert,
        cert_file=made.cert_file,
        key_file=made.key_file,
        is_checked=made.verify_ssl,
        server_name=getattr(made, "tls_server_name", None),
        proxy=made.proxy,
    )


def _by_files(settings: ClusterSettings) -> Way:
    """By the service account of the pod, or by files in its form."""
    host, port = (
        os.environ.get("KUBERNETES_SERVICE_HOST"),
        os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
    )
    if settings.server is None and not host:
        raise ValueError(
            "this is no pod (no KUBERNETES_SERVICE_HOST): write kubernetes: {kubeconfig: PATH}"
        )
    where = f"[{host}]" if host and ":" in host else host
    authority = settings.ca_file or settings.token_file.parent / "ca.crt"
    is_named = settings.ca_file is not None or authority.is_file()
    token = settings.token_file.read_text(encoding="utf-8").strip()
    if not token:
        raise ValueError(f"{settings.token_file} is empty")
    return Way(
        host=(settings.server or f"https://{where}:{port}").rstrip("/"),
        authorization=f"Bearer {token}",
        ca_file=str(authority) if is_named else None,
    )
