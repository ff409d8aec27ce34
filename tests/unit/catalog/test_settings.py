from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.settings import Settings, load_settings, resolve_secrets, settings_file
from agent.model.policy import Policy


def load(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "homeostat.yaml"
    file.write_text(text)
    return load_settings(file, environ)


def said_by(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(FaultsError) as caught:
        load(folder, text, **environ)
    return plain(caught.value, folder)


def plain(error: FaultsError, folder: Path) -> list[str]:
    """Without the temporary folder; the environment first."""
    said = [str(fault).replace(f"{folder}/", "") for fault in error.faults]
    return sorted(said, key=lambda line: not line.startswith("environment"))


def test_no_file_at_all_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, {"PATH": "/bin", "HOMEOSTAT_URL": "http://x", "HOME": "/"})
    assert settings.file is None
    assert settings.data_dir == tmp_path / "var"
    assert (settings.host, settings.port) == ("127.0.0.1", 8420)
    assert settings.listen == "127.0.0.1:8420"
    assert settings.link == "http://127.0.0.1:8420"
    assert settings.runbooks == settings.products == settings.plugins == ()
    assert settings.shipped_runbooks is True
    assert settings.policy.cooldown_seconds == Policy().cooldown_seconds
    assert settings.policy.default_diagnostics["service"]
    assert settings.tokens_file is None
    assert settings.level_check == 60.0
    assert (settings.log.level, settings.log.format) == ("info", "json")
    assert settings.otlp_endpoint is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}"])
def test_an_empty_file_is_all_defaults(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).listen == "127.0.0.1:8420"


def test_reads_everything_and_resolves_paths(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """\
data_dir: ../state
listen: "[::1]:9000"
link: https://ops.example/
runbooks: [books, /abs/books]
shipped_runbooks: false
products: [catalog]
policy: {cooldown: 1m}
tokens_file: tokens.yaml
plugins: [extra]
prometheus_url: http://127.0.0.1:9999
level_check: 5s
sources:
  - {use: mqtt, with: {host: 127.0.0.1, port: 1883}, secrets: {password: {env: MQ_PASS}}}
notify:
  team-pay:
    - {use: webhook, with: {url: "http://127.0.0.1:1/x"}}
    - use: email
      with: {to: [a@example.org]}
      secrets: {password: {file: smtp}}
log: {level: debug, format: text}
otlp_endpoint: http://127.0.0.1:4318
""",
    )
    assert settings.file == tmp_path / "homeostat.yaml"
    assert settings.data_dir == tmp_path.parent / "state"
    assert (settings.host, settings.port, settings.listen) == ("::1", 9000, "[::1]:9000")
    assert settings.link == "https://ops.example"
    assert settings.runbooks == (tmp_path / "books", Path("/abs/books"))
    assert settings.policy.cooldown_seconds == 60.0
    assert settings.tokens_file == tmp_path / "tokens.yaml"
    assert settings.level_check == 5.0
    (mqtt,) = settings.sources
    assert (mqtt.use, mqtt.params) == ("mqtt", {"host": "127.0.0.1", "port": 1883})
    assert resolve_secrets(mqtt, {"MQ_PASS": "pass word"}) == {"password": "pass word"}
    webhook, email = settings.notify["team-pay"]
    assert webhook.params == {"url": "http://127.0.0.1:1/x"}
    assert email.where == f"{tmp_path}/homeostat.yaml:17"
    (tmp_path / "smtp").write_text("s3cret\n")
    assert resolve_secrets(email, {}) == {"password": "s3cret"}


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "sources:\n- use: a\n"
        "  secrets: {one: {file: none}, two: {env: NO_SUCH}, three: {file: bin}}\n",
    )
    (tmp_path / "bin").write_bytes(b"\xff\x00")
    with pytest.raises(FaultsError) as caught:
        resolve_secrets(settings.sources[0], {})
    assert plain(caught.value, tmp_path) == [
        "environment:1:1: HS404 NO_SUCH: variable NO_SUCH is not set (set it)",
        "bin:1:1: HS404 the file has to hold one line of text (write the secret alone)",
        "none:1:1: HS404 the file does not exist (check the path)",
    ]


def test_the_environment_lies_over_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "listen: 127.0.0.1:1\nlog: {level: debug, format: text}\npolicy: {cooldown: 1m}\n",
        HOMEOSTAT_LISTEN="localhost:7000",
        HOMEOSTAT_DATA_DIR="elsewhere",
        HOMEOSTAT_LEVEL_CHECK="2s",
        HOMEOSTAT_LOG_LEVEL="warning",
        HOMEOSTAT_SHIPPED_RUNBOOKS="false",
        HOMEOSTAT_RUNBOOKS="a:/b",
        HOMEOSTAT_PROMETHEUS_URL="",
        HOMEOSTAT_TOKEN="for the command line",
    )
    assert settings.listen == "localhost:7000"
    assert settings.link == "http://localhost:7000"
    assert settings.data_dir == tmp_path / "elsewhere"
    assert settings.level_check == 2.0
    assert (settings.log.level, settings.log.format) == ("warning", "text")
    assert settings.shipped_runbooks is False
    assert settings.runbooks == (tmp_path / "a", Path("/b"))
    assert settings.prometheus_url is None
    assert settings.policy.cooldown_seconds == 60.0


def test_the_policy_may_be_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("cooldown: 7s")
    assert load(tmp_path, "policy_file: policy.yaml").policy.cooldown_seconds == 7.0
    over = load(tmp_path, "policy: {cooldown: 1m}", HOMEOSTAT_POLICY_FILE="policy.yaml")
    assert over.policy.cooldown_seconds == 7.0
    assert said_by(tmp_path, "policy: {cooldown: 1m}\npolicy_file: policy.yaml") == [
        "homeostat.yaml:2:14: HS405 policy_file: the policy is given twice, in this file and in"
        " another (keep either policy or policy_file)"
    ]


def test_tells_all_faults_of_file_and_environment(tmp_path: Path) -> None:
    text = """\
lisen: 127.0.0.1:8420
listen: 8420
level_check: 60
policy: {cooldwn: 1m}
notify: {team: [{use: email, with: {password: hunter2}}]}
sources: [{usee: mqtt}, {use: a, secrets: {p: {file: x, env: Y}}}]
log: {level: loud}
prometheus_url: 127.0.0.1:9090
shipped_runbooks: no
"""
    said = said_by(
        tmp_path,
        text,
        HOMEOSTAT_LISTN="x",
        HOMEOSTAT_LEVEL_CHECK="5",
        HOMEOSTAT_LOG_FORMAT="xml",
    )
    assert said == [
        "environment:1:1: HS402 HOMEOSTAT_LISTN: unknown variable"
        ' (did you mean "HOMEOSTAT_LISTEN"?)',
        "environment:1:1: HS402 HOMEOSTAT_LEVEL_CHECK: a duration needs a unit"
        " (write 5s for seconds, 5m for minutes)",
        'environment:1:1: HS402 HOMEOSTAT_LOG_FORMAT: the text "xml" is not one of the possible'
        " values (one of: json, text)",
        'homeostat.yaml:1:1: HS401 lisen: unknown key "lisen" (did you mean "listen"?)',
        "homeostat.yaml:2:9: HS401 listen: text is expected here, not the number 8420"
        ' (quote it: "8420")',
        "homeostat.yaml:3:14: HS401 level_check: a duration needs a unit"
        " (write 60s for seconds, 60m for minutes)",
        'homeostat.yaml:4:10: HS401 policy.cooldwn: unknown key "cooldwn"'
        ' (did you mean "cooldown"?)',
        'homeostat.yaml:5:36: HS401 notify.team[0].with: the secret "password" does not belong into'
        " this file (move it to a file, and write beside `with`:"
        " secrets: {password: {file: PATH}})",
        'homeostat.yaml:6:11: HS401 sources[0].use: key "use" is missing (add it)',
        'homeostat.yaml:6:12: HS401 sources[0].usee: unknown key "usee" (did you mean "use"?)',
        "homeostat.yaml:6:47: HS401 sources[1].secrets.p: a secret stands in one place"
        " (write {file: PATH} or {env: NAME})",
        'homeostat.yaml:7:14: HS401 log.level: the text "loud" is not one of the possible values'
        " (one of: debug, error, info, warning)",
        'homeostat.yaml:8:17: HS401 prometheus_url: "127.0.0.1:9090" is not an HTTP address'
        " (write it like http://127.0.0.1:9090)",
        "homeostat.yaml:9:19: HS401 shipped_runbooks: true or false is expected here,"
        ' not the text "no" (write true or false, unquoted)',
    ]
    assert "hunter2" not in "".join(said)


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8420", "10.0.0.1:80", "[::]:8420", ":8420", "ops.example:8420"]
)
def test_an_open_door_needs_tokens(tmp_path: Path, listen: str) -> None:
    (said,) = said_by(tmp_path, f'data_dir: x\nlisten: "{listen}"\n')
    assert said.startswith("homeostat.yaml:2:9: HS403 listen: listening on ")
    assert said.endswith("(set tokens_file, or listen on 127.0.0.1)")
    assert load(tmp_path, f'listen: "{listen}"\ntokens_file: t\n').port in (80, 8420)


def test_an_open_door_by_environment(tmp_path: Path) -> None:
    assert said_by(tmp_path, "", HOMEOSTAT_LISTEN="0.0.0.0:80") == [
        'environment:1:1: HS403 HOMEOSTAT_LISTEN: listening on "0.0.0.0" without tokens would let'
        " everybody in (set tokens_file, or listen on 127.0.0.1)"
    ]


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:x", "::1:80", "h:70000", "a b:1"])
def test_no_address(tmp_path: Path, listen: str) -> None:
    (said,) = said_by(tmp_path, f'listen: "{listen}"')
    assert said.startswith("homeostat.yaml:1:9: HS401 listen: ")
    assert said.endswith("(write it like 127.0.0.1:8420)")


def test_a_file_that_is_not_there_or_not_yaml(tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as caught:
        load_settings(Path("none.yaml"), {})
    assert str(caught.value) == "none.yaml:1:1: HS100 the file does not exist (check the path)"
    with pytest.raises(FaultsError, match="the file is not a file"):
        load_settings(tmp_path, {})
    assert said_by(tmp_path, "listen: 127.0.0.1:1\nlisten: &a x") == [
        'homeostat.yaml:2:1: HS110 duplicate key "listen" (the first is at 1:1; keep one of them)',
        'homeostat.yaml:2:9: HS108 anchor "&a" is not allowed (remove it)',
    ]


def test_the_file_here_is_read_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_file(None, {}) is None
    (tmp_path / "homeostat.yaml").write_text("{}\n")
    assert settings_file(None, {}) == Path("homeostat.yaml")
    assert settings_file(None, {"HOMEOSTAT_CONFIG": "other.yaml"}) == Path("other.yaml")
    assert settings_file(Path("named.yaml"), {"HOMEOSTAT_CONFIG": "x"}) == Path("named.yaml")
