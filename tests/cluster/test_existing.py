"""A cluster somebody else runs is used by its kubeconfig, and nothing of it is stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.existing import CannotUse, existing
from tests.cluster.objects import of_kind
from tests.cluster.plane import READER


@pytest.mark.cluster
async def test_what_its_kubeconfig_says_is_enough(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    found = existing(own_plane.kubeconfig, own_plane.programs, tmp_path)
    assert not found.own
    await found.create(of_kind("ConfigMap", "note", namespace=namespace))
    assert "note" in await found.kubectl("get", "configmaps", "-n", namespace)
    account = await found.account(namespace, rules=READER)
    said = await found.kubectl("auth", "whoami", kubeconfig=account.kubeconfig)
    assert f"system:serviceaccount:{namespace}:agent" in said


def test_a_login_program_is_refused_in_words(tmp_path: Path) -> None:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "me", "user": {"exec": {"command": "cloud-login"}}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "me"}}],
        "current-context": "x",
    }
    written = tmp_path / "config"
    written.write_text(json.dumps(config))
    with pytest.raises(CannotUse, match="'me' has neither a token nor a client certificate"):
        existing(written, {}, tmp_path)


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    written = tmp_path / "config"
    written.write_text(json.dumps({"contexts": [], "current-context": "gone"}))
    with pytest.raises(CannotUse, match="no context 'gone'"):
        existing(written, {}, tmp_path)
