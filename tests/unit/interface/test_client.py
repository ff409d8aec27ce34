"""What a command says where the daemon refuses it."""

from __future__ import annotations

import asyncio

import pytest
from typer.testing import CliRunner

from agent.interface.cli.main import app
from tests.support.facade import FakeFacade, everyone, running


@pytest.mark.parametrize("token", ["", "nobody-has-this-one"])
async def test_without_a_token_it_says_where_to_put_one(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEOSTAT_TOKEN", token)
    async with running(FakeFacade(principals=everyone())) as (_, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        result = await asyncio.to_thread(CliRunner().invoke, app, ["incidents"])
    assert result.exit_code == 1
    assert "set HOMEOSTAT_TOKEN to a token of the token file" in result.output
