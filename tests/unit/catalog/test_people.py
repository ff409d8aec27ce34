from __future__ import annotations

import hashlib
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
    assert people.authenticate(ANNE) == anne
    assert people.authenticate(ROBOT) == Principal(name="robot", roles=frozenset({Role.SENDER}))
    assert people.authenticate(BEN) == Principal(name="ben", roles=frozenset({Role.ADMIN}))
    assert [person.name for person in people] == ["anne", "robot", "ben"]
    assert people.warnings == ()


@pytest.mark.parametrize("bearer", ["", ANNE[:-1], ANNE + "x", ANNE.upper(), "\ud800", "\0", "é"])
def test_knows_nobody_else(tmp_path: Path, bearer: str) -> None:
    people = load(tmp_path, f"principals: [{{name: anne, roles: [viewer], token: {ANNE}}}]")
    assert people.authenticate(bearer) is None


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
        " (give one of token, token_sha256, token_file)",
        'tokens.yaml:8:5: HS430 principals[6]: principal "f" has more than one token'
        " (give one of token, token_sha256, token_file)",
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
