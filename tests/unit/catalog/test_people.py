from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.people import Principals, load_principals
from agent.model.principal import Principal, Role

ANNE = "anne-0123456789abcdef"
ROBOT = "robot-0123456789abcdef"
BEN = "ben-0123456789abcdefgh"


def load(folder: Path, text: str, *, mode: int = 0o600) -> Principals:
    file = folder / "tokens.yaml"
    file.write_text(text)
    file.chmod(mode)
    return load_principals(file)


def said_by(folder: Path, text: str) -> list[str]:
    with pytest.raises(FaultsError) as caught:
        load(folder, text)
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]


def test_knows_people_by_token_digest_and_file(tmp_path: Path) -> None:
    secret = tmp_path / "robot.token"
    secret.write_text(ROBOT + "\n")
    secret.chmod(0o600)
    digest = hashlib.sha256(BEN.encode()).hexdigest().upper()
    people = load(
        tmp_path,
        "principals:\n"
        f"  - {{name: anne, roles: [responder, approver], products: [shop], token: {ANNE}}}\n"
        "  - {name: robot, roles: [sender], token_file: robot.token}\n"
        f'  - {{name: ben, roles: [admin], token_sha256: "{digest}"}}\n',
    )
    anne = Principal(
        name="anne",
        roles=frozenset({Role.RESPONDER, Role.APPROVER}),
        products=frozenset({"shop"}),
    )
    assert people.by_token(ANNE, at=0.0) == anne
    assert people.by_token(ROBOT, at=0.0) == Principal(name="robot", roles=frozenset({Role.SENDER}))
    assert people.by_token(BEN, at=0.0) == Principal(name="ben", roles=frozenset({Role.ADMIN}))
    assert [person.name for person in people] == ["anne", "robot", "ben"]
    assert people.warnings == ()


@pytest.mark.parametrize("bearer", ["", ANNE[:-1], ANNE + "x", ANNE.upper(), "\ud800", "\0", "é"])
def test_knows_nobody_else(tmp_path: Path, bearer: str) -> None:
    people = load(tmp_path, f"principals: [{{name: anne, roles: [viewer], token: {ANNE}}}]")
    assert people.by_token(bearer, at=0.0) is None


def test_shows_no_token(tmp_path: Path) -> None:
    people = load(tmp_path, f"principals: [{{name: anne, roles: [viewer], token: {ANNE}}}]")
    assert ANNE not in repr(people)
    assert hashlib.sha256(ANNE.encode()).digest() not in repr(people).encode()
    said = said_by(
        tmp_path,
        "principals:\n- {name: a, roles: [viewer], token: 12345678901234567}\n"
        "- {name: b, roles: [viewer], token: short-one}\n",
    )
    assert said == [
        "tokens.yaml:2:37: HS430 principals[0].token: a token has to be text (quote it)"
    ]


def test_warns_where_everybody_can_read_the_tokens(tmp_path: Path) -> None:
    text = f"principals: [{{name: anne, roles: [viewer], token: {ANNE}}}]"
    (warning,) = load(tmp_path, text, mode=0o644).warnings
    assert (warning.code, warning.severity) == ("HS433", "warning")
    assert warning.remedy == f"chmod o-r {tmp_path}/tokens.yaml"


def test_tells_every_fault_of_the_shape(tmp_path: Path) -> None:
    text = f"""\
principals:
  - {{name: agent, roles: [viewer], token: {ANNE}}}
  - {{name: Local, roles: [viewer], token: {ANNE}}}
  - {{name: "a b", roles: [viewer], token: {ANNE}}}
  - {{name: c, roles: [viewr], token: {ANNE}}}
  - {{name: d, roles: [], token: {ANNE}}}
  - {{name: e, roles: [viewer]}}
  - {{name: f, roles: [viewer], token: {ANNE}, token_file: x}}
  - {{name: g, roles: [viewer], token_sha256: abc}}
  - {{name: h, role: [viewer], token: {ANNE}}}
"""
    assert said_by(tmp_path, text) == [
        'tokens.yaml:2:12: HS430 principals[0].name: the name "agent" is reserved'
        " (choose another name)",
        'tokens.yaml:3:12: HS430 principals[1].name: the name "Local" is reserved'
        " (choose another name)",
        'tokens.yaml:4:12: HS430 principals[2].name: "a b" cannot be the name of a principal'
        " (use letters, digits and . _ @ -, at most 64)",
        'tokens.yaml:5:23: HS430 principals[3].roles[0]: the text "viewr" is not one of the'
        ' possible values (did you mean "viewer"?)',
        "tokens.yaml:6:22: HS430 principals[4].roles: the list is too short: 0 items, not 1 or more"
        " (add what is missing)",
        'tokens.yaml:7:5: HS430 principals[5]: principal "e" has no token'
        " (give one of token, token_sha256, token_file, tokens, signing_key_file,"
        " signing_key_env, webhook_secret_file, webhook_secret_env)",
        'tokens.yaml:8:5: HS430 principals[6]: principal "f" has more than one token'
        " (give one of token, token_sha256, token_file, tokens, signing_key_file,"
        " signing_key_env, webhook_secret_file, webhook_secret_env)",
        "tokens.yaml:9:46: HS430 principals[7].token_sha256: this is not a SHA-256 digest"
        " (write the 64 hexadecimal digits of `printf %s TOKEN | sha256sum`)",
        'tokens.yaml:10:5: HS430 principals[8].roles: key "roles" is missing (add it)',
        'tokens.yaml:10:15: HS430 principals[8].role: unknown key "role" (did you mean "roles"?)',
    ]


def test_tells_every_fault_between_the_rows(tmp_path: Path) -> None:
    (tmp_path / "short.token").write_text("short")
    (tmp_path / "short.token").chmod(0o600)
    (tmp_path / "empty.token").write_text("")
    text = f"""\
principals:
  - {{name: anne, roles: [viewer], token: {ANNE}}}
  - {{name: anne, roles: [sender], token: {BEN}}}
  - {{name: carl, roles: [viewer], token: {ANNE}}}
  - {{name: dora, roles: [viewer], token: too-short}}
  - {{name: emil, roles: [viewer], token_file: short.token}}
  - {{name: fred, roles: [viewer], token_file: none.token}}
  - {{name: gina, roles: [viewer], token_file: empty.token}}
"""
    assert said_by(tmp_path, text) == [
        'tokens.yaml:3:12: HS431 principals[1].name: principal "anne" is there twice'
        " (give each principal one row, with all its roles)",
        'tokens.yaml:4:42: HS431 principals[2].token: "carl" has the same token as "anne"'
        " (make a new token)",
        "tokens.yaml:5:42: HS432 principals[3].token: the token is shorter than 16 characters"
        " (make one with `openssl rand -hex 24`)",
        "tokens.yaml:6:47: HS432 principals[4].token_file: the token is shorter than 16 characters"
        " (make one with `openssl rand -hex 24`)",
        "tokens.yaml:7:47: HS434 principals[5].token_file: none.token: the file does not exist"
        " (check the path)",
        "tokens.yaml:8:47: HS434 principals[6].token_file: empty.token: the file has to hold one"
        " line of text (write the secret alone)",
    ]


def test_nobody_at_all_is_a_fault(tmp_path: Path) -> None:
    assert said_by(tmp_path, "principals: []") == [
        "tokens.yaml:1:13: HS430 principals: the list is too short: 0 items, not 1 or more"
        " (add what is missing)"
    ]


def test_two_tokens_overlap_while_one_replaces_the_other(tmp_path: Path) -> None:
    people = load(
        tmp_path,
        "principals:\n  - name: anne\n    roles: [viewer]\n    tokens:\n"
        f'      - {{token: {ANNE}, not_after: "1970-01-01T00:01:40Z"}}\n'
        f"      - {{token: {BEN}}}\n",
    )
    assert len(people) == 1
    for at, old in ((99.0, True), (100.0, False)):
        assert (people.by_token(ANNE, at=at) is not None) is old
        assert people.by_token(BEN, at=at) is not None
    assert people.ends(50.0) == ()


def test_the_last_token_is_warned_about_a_week_before_its_end(tmp_path: Path) -> None:
    people = load(
        tmp_path,
        "principals:\n  - name: anne\n    roles: [viewer]\n"
        f'    tokens: [{{token: {ANNE}, not_after: "1970-02-01T00:00:00+00:00"}}]\n',
    )
    end = 31 * 86400.0
    assert people.ends(end - 7 * 86400 - 1) == ()
    [soon] = people.ends(end - 86400)
    assert (soon.code, soon.severity, soon.line) == ("HS436", "warning", 4)
    assert soon.message == 'a token of "anne" ends in 1.0 days'
    [over] = people.ends(end)
    assert over.message.endswith("is over")


KEY = "whsec_" + "A" * 43 + "="


def test_knows_senders_by_what_they_sign(tmp_path: Path) -> None:
    (tmp_path / "robot.key").write_text(KEY)
    (tmp_path / "robot.key").chmod(0o600)
    people = load(
        tmp_path, "principals: [{name: robot, roles: [sender], signing_key_file: robot.key}]"
    )
    right = hmac.digest(bytes(32), b"message", "sha256")
    [robot] = people
    assert people.by_signature(b"message", [b"x", right]) == robot
    assert people.by_signature(b"massage", [right]) is None
    assert people.by_signature(b"message", []) is None
    assert people.by_token(KEY, at=0.0) is None
    assert KEY in people.secrets
    assert "A" * 43 not in repr(people)
    assert people.files == (tmp_path / "robot.key",)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("roles: [viewer], signing_key_file: k", "signs messages and is no sender"),
        (f"roles: [viewer], tokens: [{{token: {ANNE}, token_file: x}}]", "in one form"),
        (f"roles: [viewer], tokens: [{{token: {ANNE}, not_after: 2030-01-01}}]", "not a moment"),
        ("roles: [sender], signing_key_env: NOT_SET_ANYWHERE", "is not set"),
        ("roles: [sender], signing_key_file: short.key", "not a signing key"),
        ("roles: [viewer], slack_user: ann", "slack_user"),
        ("roles: [viewer], webhook_secret_file: k", "signs messages and is no sender"),
        ("roles: [sender], webhook_secret_env: NOT_SET_ANYWHERE", "is not set"),
        ("roles: [sender], webhook_secret_file: none", "does not exist"),
        ("roles: [sender], webhook_secret_file: short.key", "shorter than 16"),
    ],
)
def test_tells_what_cannot_prove_anybody(tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "short.key").write_text("whsec_AAAA")
    assert any(said in line for line in said_by(tmp_path, f"principals: [{{name: a, {row}}}]"))


def test_a_webhook_secret_proves_what_it_signs_and_nothing_else(tmp_path: Path) -> None:
    """F-SEC-01: neither as a token, nor in the place of a signing key."""
    secret = "a secret of 30 characters, any"
    (tmp_path / "hub.secret").write_text(secret + "\n")
    (tmp_path / "hub.secret").chmod(0o600)
    row = "{name: github, roles: [sender], products: [shop], webhook_secret_file: hub.secret}"
    people = load(tmp_path, f"principals: [{row}]")
    [github] = people
    assert (github.name, github.products) == ("github", frozenset({"shop"}))
    right = hmac.digest(secret.encode(), b"body", "sha256")
    assert people.by_webhook_signature(b"body", right) == github
    assert people.by_webhook_signature(b"bodx", right) is None
    assert people.by_webhook_signature(b"body", right[:-1]) is None
    assert people.by_signature(b"body", [right]) is None
    assert people.by_token(secret, at=0.0) is None
    assert secret in people.secrets
    assert secret not in repr(people)
    assert people.files == (tmp_path / "hub.secret",)


def test_two_do_not_share_a_webhook_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_SECRET", "0123456789abcdef")
    rows = [f"{{name: {n}, roles: [sender], webhook_secret_env: HUB_SECRET}}" for n in "ab"]
    [said] = said_by(tmp_path, f"principals: [{', '.join(rows)}]")
    assert 'HS431 principals[1].webhook_secret_env: "b" has the same secret as "a"' in said


def test_one_slack_user_is_one_principal(tmp_path: Path) -> None:
    text = (
        "principals:\n- {name: a, roles: [approver], slack_user: U123}\n"
        f"- {{name: b, roles: [viewer], slack_user: U124, token: {BEN}}}\n"
    )
    people = load(tmp_path, text)
    found = [people.by_slack_user(user, at=0.0) for user in ("U123", "U124", "U125")]
    assert [p.name for p in found if p] == ["a", "b"]
    assert "HS431" in said_by(tmp_path, text.replace("U124", "U123"))[0]


def test_whose_tokens_are_all_over_presses_no_buttons_either(tmp_path: Path) -> None:
    """F-SEC-11"""
    rows = (
        '[{token: 0123456789abcdef0, not_after: "2026-01-01T00:00:00Z"}, '
        '{token: 0123456789abcdef1, not_after: "2026-02-01T00:00:00Z"}]'
    )
    people = load(
        tmp_path,
        f"principals:\n- {{name: a, roles: [approver], slack_user: U123, tokens: {rows}}}\n"
        "- {name: b, roles: [approver], slack_user: U124}\n",
    )
    last = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    assert people.by_slack_user("U123", at=last - 1) is not None
    assert people.by_slack_user("U123", at=last) is None
    assert people.by_slack_user("U124", at=last) is not None, "had none that could be over"
