"""Writes deploy/kustomize/base from the Helm chart, so that there is one truth (`make manifests`).

What differs is taken out: Helm's own label, the namespace (the kustomization sets it), and the
digest of the settings, in whose place the generated ConfigMap has another name.

    python -m tests.support.manifests [--check]

helm is the one on PATH, or the one that `make cluster-test` has built.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.building import built_folder
from tests.support.tree import ROOT

CHART = ROOT / "deploy/helm/homeostat"
BASE = ROOT / "deploy/kustomize/base"
KUBERNETES = "1.36.3"
"""What the chart is rendered for: helm itself knows a version only where it was built with one."""
HEAD = "# Written from deploy/helm/homeostat by `make manifests`; changes belong there.\n"
FILE_OF = {
    "ServiceAccount": "serviceaccount.yaml",
    "Service": "services.yaml",
    "StatefulSet": "statefulset.yaml",
    "NetworkPolicy": "networkpolicy.yaml",
}


def helm_template(helm: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The chart, rendered as a release called `homeostat` in a namespace called so."""
    words = [helm, "template", "homeostat", str(CHART), "--namespace", "homeostat"]
    words += ["--kube-version", KUBERNETES, *arguments]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def objects(helm: str, *arguments: str) -> list[dict[str, Any]]:
    """Every object of the rendered chart. Raises RuntimeError with what helm says."""
    done = helm_template(helm, *arguments)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def base(helm: str) -> Mapping[str, str]:
    """Text of each written file of the base, by its name."""
    found = objects(helm)
    texts: dict[str, list[str]] = {}
    for one in found:
        if one["kind"] == "ConfigMap":
            continue
        dumped = yaml.safe_dump(_without_helm(one), sort_keys=False, width=100)
        texts.setdefault(FILE_OF[one["kind"]], []).append(dumped)
    files = {name: HEAD + "---\n".join(parts) for name, parts in texts.items()}
    for one in found:
        if one["kind"] == "ConfigMap":
            files |= one["data"]
    return files


def _without_helm(one: dict[str, Any]) -> dict[str, Any]:
    one["metadata"].pop("namespace", None)
    template = one["spec"]["template"] if one["kind"] == "StatefulSet" else {"metadata": {}}
    for metadata in (one["metadata"], template["metadata"]):
        metadata.get("labels", {}).pop("app.kubernetes.io/managed-by", None)
    template["metadata"].pop("annotations", None)
    return one


def main(arguments: list[str]) -> int:
    is_check = "--check" in arguments
    helm = shutil.which("helm") or str(built_folder() / "helm")
    if not Path(helm).exists():
        print("helm is missing: install it, or run `make cluster-test` once, which builds one")
        return 2
    stale = []
    for name, text in base(helm).items():
        path: Path = BASE / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not is_check:
                path.write_text(text)
    print(f"deploy/kustomize/base: {', '.join(stale) or 'as the chart says'}")
    return int(is_check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
