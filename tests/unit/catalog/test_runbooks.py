from __future__ import annotations

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.runbooks import (
    digest,
    load_files,
    load_text,
)
from agent.model.alert import Layer
from agent.model.fault import Fault, FaultSeverity
from agent.model.runbook import Lifecycle, Runbook, Truth
from tests.support.runbook_plugins import FULL, PLUGINS, SMALL


def load(text: str) -> Runbook:
    return load_text(text, path="r.yaml", plugins=PLUGINS)


def faults_of(text: str) -> tuple[Fault, ...]:
    with pytest.raises(FaultsError) as caught:
        load(text)
    return caught.value.faults


def changed(old: str, new: str, text: str = FULL) -> str:
    assert old in text
    return text.replace(old, new, 1)


def one_fault(old: str, new: str, text: str = FULL) -> Fault:
    """The only fault after this change."""
    found = faults_of(changed(old, new, text))
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def test_the_smallest_runbook() -> None:
    runbook = load(SMALL)
    assert (runbook.name, runbook.owner, runbook.layer) == ("web-hung", "team-shop", Layer.PRODUCT)
    assert runbook.lifecycle is Lifecycle.ACTIVE
    assert runbook.match.alert == ("ServiceNotAnswering",)
    assert runbook.decide == ()
    (plan,) = runbook.plans
    assert plan.verify.alert_cleared
    assert plan.verify.within_seconds == 120.0
    target = plan.steps[0].params["target"]
    assert target.text == "entity.name"
    assert target.evaluate({"entity": {"name": "web"}}) == "web"
    assert runbook.text == SMALL
    assert runbook.digest == digest(SMALL)
    assert len(runbook.digest) == 16


def test_a_full_runbook() -> None:
    runbook = load(FULL)
    assert runbook.author == "ann"
    assert (runbook.meaning, runbook.impact) == ("it crashes", "nobody can pay")
    assert runbook.match.labels == {"severity": ("warning", "critical")}
    assert runbook.match.when is not None
    assert runbook.match.when({"alert": {"labels": {"namespace": "prod-a"}}}) is Truth.TRUE
    assert runbook.match.when({"alert": {"labels": {}}}) is Truth.UNKNOWN
    cooldown = runbook.guard.cooldown
    assert cooldown is not None
    assert (cooldown.every_seconds, cooldown.most, cooldown.within_seconds) == (900.0, 3, 21600.0)
    assert [p.text for p in runbook.guard.require] == ["web.restarts < 5"]
    assert [(c.id, c.use, c.timeout_seconds) for c in runbook.diagnose] == [
        ("web", "process.status", 5.0)
    ]
    assert [(b.plan, b.settle, b.when is None, b.why) for b in runbook.decide] == [
        ("undo", False, False, "the rollout"),
        (None, True, False, ""),
        (None, False, True, "not the rollout"),
    ]
    undo, again = runbook.plans
    verify = undo.verify
    assert not verify.alert_cleared
    assert [p.text for p in verify.success] == ["after.alive", "after.restarts == 0"]
    assert [p.text for p in verify.fail] == ["after.restarts > 2"]
    assert (verify.consecutive, verify.every_seconds, verify.settle_seconds) == (3, 20.0, 30.0)
    assert [c.id for c in undo.rollback] == ["back"]
    assert again.rollback_snapshot
    assert again.verify.decay.seconds == 300.0
    assert runbook.evidence == ("web",)
    assert runbook.plan("again") is again


@pytest.mark.parametrize(
    ("written", "texts", "is_any"),
    [
        ("after.alive", ["after.alive"], False),
        ("[after.alive, after.restarts < 2]", ["after.alive", "after.restarts < 2"], False),
        ("{any: [after.alive, after.restarts < 2]}", ["after.alive", "after.restarts < 2"], True),
    ],
)
def test_forms_of_success(written: str, texts: list[str], is_any: bool) -> None:
    old = "{all: [after.alive, after.restarts == 0], consecutive: 3, every: 20s}"
    verify = load(changed(old, written)).plans[0].verify
    assert [p.text for p in verify.success] == texts
    assert verify.success_any is is_any
    assert not verify.alert_cleared


def test_a_cleared_alert_may_be_asked_for_beside_conditions() -> None:
    verify = load(changed("all: [after.alive", "all: [alert_cleared, after.alive")).plans[0].verify
    assert verify.alert_cleared
    assert [p.text for p in verify.success] == ["after.alive", "after.restarts == 0"]


def test_verify_as_one_word() -> None:
    verify = load(changed("{success: alert_cleared, within: 2m}", "alert_cleared", SMALL))
    assert verify.plans[0].verify.alert_cleared
    assert not verify.plans[0].verify.fail


def test_a_settle_runbook_needs_no_plan() -> None:
    text = SMALL.split("plans:")[0] + "decide: [{default: settle, why: it passes}]\n"
    runbook = load(text)
    assert runbook.plans == ()
    assert runbook.decide[0].settle


@pytest.mark.parametrize(
    ("old", "new", "code", "path", "message"),
    [
        ("about:", "abuot:", "HS200", "abuot", 'unknown key "abuot"'),
        ("owner: team-shop, ", "", "HS200", "metadata.owner", 'key "owner" is missing'),
        ("every: 15m", "every: 15", "HS200", "guard.cooldown.every", "a duration needs a unit"),
        ("every: 15m", "every: 0s", "HS200", "guard.cooldown.every", "greater than 0"),
        ("timeout: 5s", "timeout: 30d", "HS200", "diagnose[0].timeout", "less than or equal"),
        ("state: active", "state: activ", "HS200", "lifecycle.state", "not one of the possible"),
        (
            "use: process.status, with",
            "use: process.statu, with",
            "HS201",
            "diagnose[0].use",
            "unknown plugin process.statu",
        ),
        ("lines: 5", "lnies: 5", "HS202", "diagnose[0].with.lnies", "unknown parameter lnies"),
        (
            "lines: 5",
            "lnies: =entity.name",
            "HS202",
            "diagnose[0].with.lnies",
            "unknown parameter lnies",
        ),
        ("lines: 5", "lines: many", "HS202", "diagnose[0].with.lines", "valid integer"),
        (
            "with: {target: =entity.name, lines: 5}",
            "with: {target: =web.alive, lines: 5}",
            "HS205",
            "diagnose[0].with.target",
            "web.alive is known only later",
        ),
        (
            "grace_seconds: =web.restarts",
            "target: =web.alive",
            "HS202",
            "plans.undo.steps[0].with.target",
            "web.alive is bool",
        ),
        (
            "use: process.restart, with",
            "use: process.status, with",
            "HS203",
            "plans.undo.steps[0].use",
            "is a diagnostic, not an action",
        ),
        (
            "[{id: after, use: process.status}]",
            "[{id: after, use: file}]",
            "HS203",
            "plans.undo.verify.observe[0].use",
            "is a notifier",
        ),
        ("web.alive, do", "web.aliv, do", "HS204", "decide[1].when", "unknown name web.aliv"),
        (
            "alert.labels.namespace.startsWith",
            "web.alive && alert.labels.namespace.startsWith",
            "HS205",
            "match.when",
            "web.alive is known only later: diagnose finds it",
        ),
        (
            "[web.restarts < 5]",
            "[after.restarts < 5]",
            "HS205",
            "guard.require[0]",
            "after.restarts is known only later: plan undo observes it",
        ),
        (
            "  - {default: escalate, why: not the rollout}\n",
            "",
            "HS206",
            "decide",
            "the default row is missing",
        ),
        ("do: settle}", "do: settle, plan: undo}", "HS206", "decide[1]", "not complete"),
        ("plan: undo, why", "plan: undoo, why", "HS207", "decide[0].plan", "unknown plan undoo"),
        ("default: escalate", "default: undoo", "HS207", "decide[2].default", "unknown plan"),
        (
            "use: process.restart, with",
            "use: shell.run, with",
            "HS208",
            "plans.undo.steps[0].use",
            "opaque",
        ),
        (
            "within: 10m\n",
            "within: 40s\n",
            "HS209",
            "plans.undo.verify.within",
            "cannot be complete",
        ),
        ("decay: 5m", "decay: 15m", "HS209", "plans.again.verify.within", "shorter than decay"),
        ("{id: web, use", "{id: if, use", "HS212", "diagnose[0].id", "cannot be read"),
        (
            "evidence: [web]",
            "evidence: [wep]",
            "HS215",
            "escalate.evidence[0]",
            "unknown diagnostic",
        ),
        ("max: 3, in", "in", "HS217", "guard.cooldown", "belong together"),
        (
            "{after: {alive: true}}",
            "{aftr: {}}",
            "HS213",
            "tests[0].given.after.facts.aftr",
            "no d",
        ),
        ("3 undo in", "3 undoo in", "HS213", "tests[1].given.history[0]", "unknown plan undoo"),
        ("3 undo in 6h", "often", "HS200", "tests[1].given.history", "match pattern"),
        ("by: cooldown", "by: cooldwn", "HS213", "tests[1].expect.stopped_by", "unknown reason"),
        (
            "plan: undo, actions",
            "plan: do, actions",
            "HS213",
            "tests[0].expect.plan",
            "unknown plan",
        ),
    ],
)
def test_every_fault_has_code_path_and_words(
    old: str, new: str, code: str, path: str, message: str
) -> None:
    text = changed(old, new)
    found = [f for f in faults_of(text) if f.code == code and f.path.startswith(path)]
    assert found, "\n".join(map(str, faults_of(text)))
    assert message in found[0].message
    assert found[0].severity is FaultSeverity.ERROR


def test_places_of_expressions_however_they_are_written() -> None:
    for written in (
        "web.aliv && true",
        "'web.aliv && true'",
        '"web.aliv && true"',
        "|\n      web.aliv\n      && true",
        ">\n      true &&\n      web.aliv",
        "true &&\n      web.aliv",
        "|\n      true &&\n        web.aliv",
        "'true &&\n      web.aliv'",
    ):
        text = changed("  - {when: web.alive, do: settle}", f"  - when: {written}\n    do: settle")
        (fault,) = faults_of(text)
        line = text.splitlines()[fault.line - 1]
        assert line[fault.column - 1 :].startswith("aliv"), (written, str(fault))


def test_the_place_within_a_parameter() -> None:
    text = changed("=entity.name, lines", '"= entity.nam", lines')
    (fault,) = faults_of(text)
    assert text.splitlines()[fault.line - 1][fault.column - 1 :].startswith('nam"')
    assert fault.remedy == "did you mean entity.name?"


def test_all_faults_at_once() -> None:
    text = changed("plan: undo, why", "plan: undoo, why")
    text = changed("[web.restarts < 5]", "[web.restart < 5]", text)
    text = changed("lines: 5", "lnies: 5", text)
    text = changed("state: active", "state: assisted", text)
    assert [f.code for f in faults_of(text)] == ["HS204", "HS202", "HS207"]
    assert str(faults_of(text)[0]) == (
        "r.yaml:11:17: HS204 guard.require[0]: unknown name web.restart "
        "(did you mean web.restarts?)"
    )


def test_a_missing_parameter_and_a_target_of_its_own() -> None:
    text = changed("use: process.status, with: {target: =entity.name, lines: 5}", "use: QUERY")
    fault = next(
        f for f in faults_of(text.replace("QUERY", "prometheus.query")) if f.code == "HS202"
    )
    assert fault.message == "parameter query is missing"
    text = SMALL.replace(
        "plans:", "diagnose: [{id: up, use: prometheus.query, with: {query: up}}]\nplans:"
    )
    assert "target" not in load(text).diagnose[0].params


def test_an_opaque_action_needs_a_person() -> None:
    text = changed("use: process.restart}]\n    verify", "use: shell.run}]\n    verify", SMALL)
    text = text.replace("actions: [process.restart]", "actions: [shell.run]")
    assert [f.code for f in faults_of(text)] == ["HS208"]
    assisted = text.replace("tests:", "lifecycle: {state: assisted}\ntests:")
    assert load(assisted).lifecycle is Lifecycle.ASSISTED


def test_a_runbook_must_match_something_and_decide_something() -> None:
    assert one_fault("{alert: ServiceNotAnswering}", "{layer: product}", SMALL).code == "HS216"
    text = SMALL.split("plans:")[0]
    assert [f.code for f in faults_of(text)] == ["HS206"]


def test_yaml_faults_come_through() -> None:
    found = load_files(
        [("bad.yaml", "- *b\n"), ("binary.yaml", b"\xff\xfe"), ("ok.yaml", SMALL)], PLUGINS
    )
    assert [f.code for f in found.faults] == ["HS200", "HS108", "HS102"]
    assert [r.name for r in found.runbooks] == ["web-hung"]
