from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.policy import PolicyDocument, compile_policy, load_policy
from agent.model.policy import Policy


def test_an_empty_policy_is_the_default_one() -> None:
    policy = compile_policy(PolicyDocument())
    assert policy == Policy(
        default_diagnostics={
            "service": (
                "process.status",
                "config.state",
                "changes.recent",
                "process.recent_log",
                "dependencies.health",
            ),
            "agent": ("process.status", "changes.recent"),
            "substrate": ("process.status", "changes.recent"),
            "resource": ("process.status", "changes.recent"),
            "product": ("changes.recent", "dependencies.health"),
            "alert": ("alert.query",),
        }
    )


def test_every_key_reaches_the_policy() -> None:
    keys = set(PolicyDocument.model_fields)
    fields = {name.removesuffix("_seconds") for name in Policy.__struct_fields__}
    assert keys == fields - {"files"}


def test_reads_a_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "platform: sre\ncooldown: 5s\nattempts_per_day: 9\nverify_within: 1m30s\n"
        "longest_decay: 2h\n"
        "default_diagnostics: {service: [], agent: [a.b]}\n"
    )
    policy = load_policy(file)
    assert policy.platform == "sre"
    assert policy.cooldown_seconds == 5.0
    assert policy.attempts_per_day == 9
    assert policy.verify_within_seconds == 90.0
    assert policy.longest_decay_seconds == 7200.0
    assert policy.attempts_per_incident == Policy().attempts_per_incident
    assert policy.default_diagnostics["service"] == ()
    assert policy.default_diagnostics["agent"] == ("a.b",)
    assert policy.default_diagnostics["substrate"] == ("process.status", "changes.recent")


def test_tells_every_fault(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "cool_down: 5m\npage_hold: 15\nresolutions_needed: 1\n"
        "default_diagnostics: {services: [x]}\nstep_timeout: 0s\n"
    )
    with pytest.raises(FaultsError) as caught:
        load_policy(file)
    assert [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.faults] == [
        'policy.yaml:1:1: HS420 cool_down: unknown key "cool_down" (did you mean "cooldown"?)',
        "policy.yaml:2:12: HS420 page_hold: a duration needs a unit"
        " (write 15s for seconds, 15m for minutes)",
        "policy.yaml:3:21: HS420 resolutions_needed: input should be greater than or equal to 2",
        'policy.yaml:4:23: HS420 default_diagnostics.services: unknown key "services"'
        ' (did you mean "service"?)',
        "policy.yaml:5:15: HS420 step_timeout: the duration must be longer than nothing"
        " (write it like 500ms, 30s, 15m, 6h, 7d or 1h30m)",
    ]


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FaultsError) as caught:
        load_policy(Path("nowhere/policy.yaml"))
    assert str(caught.value) == (
        "nowhere/policy.yaml:1:1: HS100 the file does not exist (check the path)"
    )


def test_a_normal_window_nobody_declares_is_a_fault(tmp_path: Path) -> None:
    """A misspelt one would keep every change of normal risk from running by itself."""
    file = tmp_path / "policy.yaml"
    file.write_text("rails: {normal_window: nightly}\n")
    with pytest.raises(FaultsError, match="there is no window"):
        load_policy(file)
    window = 'windows: {nightly: {from: "22:00", to: "04:00", zone: UTC}}\n'
    file.write_text(window + "rails: {normal_window: nightly}\n")
    assert load_policy(file).rails.normal_window == "nightly"
