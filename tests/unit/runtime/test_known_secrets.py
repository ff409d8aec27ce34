"""What is known to be secret, where from, and what is left out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.people import load_principals
from agent.catalog.settings import Settings, load_settings
from agent.model.fault import FaultSeverity
from agent.model.product import Entity, EntityKind, Registry
from agent.model.runbook import Match
from agent.runtime.known_secrets import known_secrets, names_a_secret
from agent.runtime.reading import read
from tests.support.cases import runbook


@pytest.mark.parametrize(
    "name",
    ["DB_PASSWORD", "DB_PASS", "PGPASSWORD", "MYSQL_PWD", "dbPass", "passphrase", "authToken",
     "GITHUB_TOKEN", "APITOKEN", "CLIENT_SECRET", "APP_SECRETS", "aws_credentials", "apiKey",
     "--api-key", "--db-token", "PRIVATE_KEY", "AWS_SECRET_ACCESS_KEY", "password_file"],
)  # fmt: skip
def test_what_names_a_secret(name: str) -> None:
    """F-SEC-08"""
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    ["PASSENGER_APP_ENV", "BYPASS_CACHE", "COMPASS_HOST", "TOKENS_PER_SECOND", "MAX_TOKENS", "PATH",
     "SECRETARY", "PASSIVE_MODE", "KEYBOARD", "TOKENIZER", "LOG_LEVEL"],
)  # fmt: skip
def test_what_only_looks_like_it(name: str) -> None:
    assert not names_a_secret(name)


def site(folder: Path, text: str) -> Settings:
    (folder / "homeostat.yaml").write_text(text)
    return load_settings(folder / "homeostat.yaml", {})


def served(name: str, **env: str) -> Entity:
    process = {"command": ["x"], "env": env}
    kind = EntityKind.SERVICE
    return Entity(name=name, kind=kind, product="shop", owner="team-of-carts", process=process)


@pytest.mark.parametrize(
    "word",
    ["checkout-web", "checkout", "team-of-carts", "critical", "machinery", "WebHangsBadly",
     "production-eu"],
)  # fmt: skip
def test_a_name_is_no_secret_and_people_are_told_where_it_stands(tmp_path: Path, word: str) -> None:
    settings = site(tmp_path, f"prometheus_url: http://prom:{word}@127.0.0.1:9/\n")
    registry = Registry(entities={"checkout-web": served("checkout-web", DB_PASSWORD=word)})
    match = Match(alert=("WebHangsBadly",), labels={"env": ("production-eu",)})
    kept, warnings = known_secrets(settings, registry, [runbook(match=match)])
    assert word not in kept
    assert [(w.code, w.severity) for w in warnings] == [("HS411", FaultSeverity.WARNING)] * 2
    address, process = warnings
    assert address.file.endswith("homeostat.yaml")
    assert process.message.startswith("DB_PASSWORD of the process checkout-web is also a name")
    others, none = known_secrets(settings, Registry(), [])
    assert (others >= {word}, none) == (word not in ("critical", "machinery"), none)


def test_every_place_where_secrets_may_live_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-SEC-08: files, the environment, addresses, the token file, processes, Slack."""
    monkeypatch.setenv("PAGER_TOKEN", "canary-from-env")
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "canary-of-the-shell")
    for name in ("file", "mqtt", "slack", "token"):
        (tmp_path / f"{name}.txt").write_text(f"canary-from-{name}\n")
        (tmp_path / f"{name}.txt").chmod(0o600)
    (tmp_path / "tokens.yaml").write_text(
        "principals:\n  - {name: a, roles: [viewer], token: canary-in-tokens}\n"
        "  - {name: b, roles: [viewer], token_file: token.txt}\n"
    )
    (tmp_path / "homeostat.yaml").write_text(
        "tokens_file: tokens.yaml\nslack_signing_secret: {file: slack.txt}\n"
        "prometheus_url: http://prom:canary%2Din-url@127.0.0.1:9/\n"
        "sources: [{use: mqtt, with: {password_file: mqtt.txt}}]\n"
        "notify:\n  default:\n  - {use: webhook, secrets: {token: {env: PAGER_TOKEN}}}\n"
        "  - {use: webhook, secrets: {url: {file: file.txt}}}\n"
    )
    settings = load_settings(tmp_path / "homeostat.yaml", {})
    worker = Entity(
        name="worker",
        kind=EntityKind.SERVICE,
        product="shop",
        owner="team",
        process={
            "command": ["x", "--db-password=canary-in-arg", "--token", "canary-next"],
            "env": {"DB_PASSWORD": "canary-in-env", "PORT": "80008000"},
        },
    )
    found, _ = known_secrets(settings, Registry(entities={"worker": worker}))
    people = load_principals(tmp_path / "tokens.yaml").secrets
    assert found >= {
        "canary-from-env",
        "canary-of-the-shell",
        "canary-from-file",
        "canary-from-mqtt",
        "canary%2Din-url",
        "canary-in-url",
        "canary-in-env",
        "canary-in-arg",
        "canary-next",
    }
    assert "80008000" not in found
    assert people == {"canary-in-tokens", "canary-from-token"}
    reading = read(settings, {})
    assert reading.secrets >= people | {"canary-from-slack"}
    assert reading.principals is not None
    assert reading.principals.slack_secret == "canary-from-slack"
    assert "canary" not in repr(reading.principals)
