"""What Kubernetes mounts from ConfigMaps and Secrets is read, and read anew when it changes.

The kubelet writes a new folder beside the old one and turns the link `..data` to it in one move;
the names that are read are links through `..data`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.settings import load_settings
from tests.support.daemon import Daemon, component, daemon
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: NAME, owner: team-shop, layer: product, tier: low}
about: {meaning: it does not answer}
match: {alert: [Broken]}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared, within: 2m}
lifecycle: {state: shadow}
"""


class Mount:
    """A volume of a ConfigMap, as the kubelet's atomic writer keeps it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writes = 0

    def write(self, files: Mapping[str, str]) -> None:
        self._writes += 1
        new = self._folder / f"..2030_01_01_00_00_{self._writes:02}.1"
        new.mkdir(parents=True)
        for name, text in files.items():
            (new / name).write_text(text)
        data, turned = self._folder / "..data", self._folder / "..data_tmp"
        old = data.resolve() if data.is_symlink() else None
        turned.symlink_to(new.name)
        os.replace(turned, data)
        for name in files:
            if not (self._folder / name).is_symlink():
                (self._folder / name).symlink_to(f"..data/{name}")
        for one in self._folder.iterdir():
            if one.is_symlink() and not one.exists():
                one.unlink()
        if old is not None:
            shutil.rmtree(old)


async def names(made: Daemon, path: str) -> set[str]:
    status, told = await made.ask(path)
    assert status == 200, told
    return {row["name"] for row in told}


async def test_a_changed_configmap_is_taken_over_without_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    runbooks, catalog = Mount(folder / "mounted-runbooks"), Mount(folder / "mounted-catalog")
    runbooks.write({"first.yaml": RUNBOOK.replace("NAME", "first")})
    catalog.write({"catalog-info.yaml": component("shop")})
    async with daemon(folder) as made:
        made.configure(runbooks=["mounted-runbooks"], products=["mounted-catalog"])
        await made.start()
        assert await names(made, "/api/v1/runbooks") == {"first"}
        assert await names(made, "/api/v1/products") == {"shop"}

        runbooks.write({"second.yaml": RUNBOOK.replace("NAME", "second")})
        catalog.write({"catalog-info.yaml": f"{component('shop')}\n---\n{component('pay')}\n"})

        async def taken_over() -> str:
            runbooks_now = await names(made, "/api/v1/runbooks")
            products_now = await names(made, "/api/v1/products")
            is_new = (runbooks_now, products_now) == ({"second"}, {"shop", "pay"})
            return "in use" if is_new else ""

        seen: str = await eventually(taken_over, within=20, what="the new files are in use")
        assert seen


async def test_the_catalog_of_a_fresh_chart_says_nothing_and_starts(tmp_path: Path) -> None:
    """A chart that was installed with no values has a catalog of one comment and no runbook."""
    folder = tmp_path / "d"
    Mount(folder / "mounted-runbooks").write({})
    Mount(folder / "mounted-catalog").write({"catalog-info.yaml": "# No product yet.\n"})
    async with daemon(folder) as made:
        made.configure(
            runbooks=["mounted-runbooks"], products=["mounted-catalog"], shipped_runbooks=True
        )
        await made.start()
        assert await names(made, "/api/v1/products") == set()


def test_the_variables_of_a_service_are_refused() -> None:
    """Why the pod has `enableServiceLinks: false`: beside a Service called homeostat every pod
    would get these, and an unknown variable is a fault."""
    with pytest.raises(FaultsError, match="HOMEOSTAT_PORT_8420_TCP"):
        load_settings(None, {"HOMEOSTAT_PORT_8420_TCP": "tcp://10.0.0.1:8420"})
