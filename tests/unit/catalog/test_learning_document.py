"""What people may write about learning, in the policy and in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.learning_document import DeliverySettings, filled
from agent.catalog.settings import Settings, load_settings
from agent.model.policy import Learning


def load(folder: Path, text: str) -> Settings:
    (folder / "homeostat.yaml").write_text(text)
    return load_settings(folder / "homeostat.yaml", {})


def refused(folder: Path, text: str) -> str:
    with pytest.raises(FaultsError) as caught:
        load(folder, text)
    return "\n".join(str(fault) for fault in caught.value.faults)


def test_what_is_left_out_is_as_in_the_model(tmp_path: Path) -> None:
    settings = load(tmp_path, "data_dir: var\n")
    assert settings.policy.learning == Learning()
    assert settings.learning == DeliverySettings()


def test_every_key_of_the_policy_is_taken_over(tmp_path: Path) -> None:
    text = """\
policy:
  learning:
    {proof: 5m, same: 0s, people: 3, chance: 0.5%, confidence: 99%, quality_low: 90%,
     quality_medium: 97%, failing_low: 10%, failing_medium: 4%, failing_high: 2%, window: 40,
     early: 30m, review_days: 90}
"""
    assert load(tmp_path, text).policy.learning == Learning(
        proof_seconds=300.0,
        same_seconds=0.0,
        people=3,
        chance=0.005,
        confidence=0.99,
        quality_low=0.9,
        quality_medium=0.97,
        failing_low=0.1,
        failing_medium=0.04,
        failing_high=0.02,
        window=40,
        early_seconds=1800.0,
        review_days=90,
    )


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ("people: 1", "policy.learning.people"),
        ("chance: 60%", "policy.learning.chance"),
        ("spread: 120%", "policy.learning.spread"),
        ("chance: 0%", "policy.learning.chance"),
        ("confidence: 100%", "policy.learning.confidence"),
        ("confidence: 50%", "policy.learning.confidence"),
        ("quality_low: 10%", "policy.learning.quality_low"),
        ("failing_low: 0%", "policy.learning.failing_low"),
        ("window: 2", "policy.learning.window"),
        ("proof: 0s", "policy.learning.proof"),
        ("review_days: 0", "policy.learning.review_days"),
        ("proofs: 5m", "policy.learning.proofs"),
    ],
)
def test_no_less_evidence_than_makes_sense_can_be_asked_for(
    tmp_path: Path, keys: str, where: str
) -> None:
    """F-SEC-28: nobody sets the second person or the proof aside by a number."""
    assert where in refused(tmp_path, f"policy: {{learning: {{{keys}}}}}\n")


def test_the_folder_is_relative_to_the_file(tmp_path: Path) -> None:
    text = 'learning: {folder: ops, branch: "bot/{name}", push: [git, push, origin, "{branch}"]}\n'
    assert load(tmp_path, text).learning == DeliverySettings(
        folder=tmp_path / "ops",
        branch="bot/{name}",
        push=("git", "push", "origin", "{branch}"),
    )


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("branch: main", "does not name the runbook"),
        ('branch: "{name}/{name}"', "does not name the runbook"),
        ('branch: "-{name}"', "no name of a branch"),
        ('branch: "a..{name}"', "no name of a branch"),
        ('branch: "a b/{name}"', "no name of a branch"),
        ('branch: "{name}.lock"', "no name of a branch"),
        ('branch: "refs//{name}"', "no name of a branch"),
        ('push: [git, push, "{remote}"]', "nothing is called"),
        ('push: ["{name}"]', "the program itself"),
        ("push: git push", "push"),
        ('request: [""]', "request"),
        ("folders: x", "folders"),
    ],
)
def test_what_could_not_be_used_is_refused(tmp_path: Path, keys: str, said: str) -> None:
    assert said in refused(tmp_path, f"learning: {{{keys}}}\n")


def test_a_word_stays_one_word_whatever_is_put_into_it() -> None:
    words = ("send", "--head={branch}", "{name}", "{path}", "plain")
    told = filled(words, branch="b c", name="{path}", path="/x y")
    assert told == ("send", "--head=b c", "{path}", "/x y", "plain")
