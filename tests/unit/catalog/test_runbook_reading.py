"""One reading tells every fault of a document: what is wrong with its shape hides nothing of what
is wrong with its expressions, and gives rise to no fault that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from agent.catalog.document import Path
from agent.catalog.faults import FaultsError
from agent.catalog.runbooks import load_files, load_text
from agent.catalog.strict_yaml import parse
from agent.model.fault import Fault
from tests.support.runbook_plugins import FULL, PLUGINS, SMALL, WHOLE

TEN = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: crash-loop, owner: team-shop, layer: product, tier: low}
about: {meaning: it crashes, imapct: nobody can pay}
match:
  alert: [CrashLoop]
  when: web.alive && alert.labels.namespace == "prod"
guard:
  cooldown: {every: 15, max: 3, in: 6h}
  require: [web.restrats < 5]
diagnose:
  - {id: web, use: process.status}
  - {id: load, use: prometheus.query}
decide:
  - {when: web.alive, plan: undoo}
  - {default: escalate}
plans:
  undo:
    steps:
      - {id: undo, use: process.restrat}
    verify:
      observe: [{id: after, use: process.status}]
      success: {all: [after.alive], consecutive: often}
escalate: {evidence: [wep]}
lifecycle: {state: assisted}
tests:
  - name: a bad rollout is undone
    given:
      alert: {labels: {alertname: CrashLoop, service: web}}
      facts: {web: {alive: false}}
    expect: {plan: unod, actions: [process.restart]}
"""


def faults_of(text: str) -> tuple[Fault, ...]:
    with pytest.raises(FaultsError) as caught:
        load_text(text, path="r.yaml", plugins=PLUGINS)
    return caught.value.faults


def changed(old: str, new: str, text: str = FULL) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_ten_faults_of_ten_kinds_are_told_in_one_run() -> None:
    found = [(f.line, f.column, f.code, f.message) for f in faults_of(TEN)]
    assert found == [
        (4, 30, "HS200", 'unknown key "imapct"'),
        (7, 13, "HS205", "web.alive is known only later: diagnose finds it"),
        (9, 21, "HS200", "a duration needs a unit"),
        (10, 17, "HS204", "unknown name web.restrats"),
        (13, 21, "HS202", "parameter query is missing"),
        (15, 29, "HS207", "unknown plan undoo"),
        (20, 25, "HS201", "unknown plugin process.restrat"),
        (23, 50, "HS200", 'a whole number is expected here, not the text "often"'),
        (24, 23, "HS215", "unknown diagnostic wep"),
        (31, 20, "HS213", "unknown plan unod"),
    ]
    lines = TEN.splitlines()
    at = [lines[line - 1][column - 1 :].split(":")[0] for line, column, *_ in found]
    assert [word[:6] for word in at] == [
        "imapct", "alive ", "15, ma", "restra", "promet", "undoo}", "proces", "often}", "wep]}",
        "unod, ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        pytest.param("plans:\n", "pland:\n", "HS200", id="a section"),
        pytest.param("diagnose:\n", "diagnos:\n", "HS200", id="what diagnose finds"),
        pytest.param("    steps:\n      - {id: undo,", "    step:\n      - {id: undo,", "HS200",
                     id="the steps of a plan"),
        pytest.param("cooldown: {per", "cooldwn: {per", "HS200", id="a guard"),
        pytest.param("{default: escalate, why", "{defualt: escalate, why", "HS200", id="a row"),
        pytest.param("{id: web, use: process.status, with", "{id: web, uses: process.status, with",
                     "HS200", id="the plugin of a call"),
        pytest.param("      success: {all", "      sucess: {all", "HS200", id="the proof"),
        pytest.param("metadata: {name: crash-loop", "metadata: {nam: crash-loop", "HS200",
                     id="the name"),
    ],
)  # fmt: skip
def test_a_misspelt_key_is_one_fault_and_is_read_as_what_it_nearly_is(
    old: str, new: str, code: str
) -> None:
    (fault,) = faults_of(changed(old, new))
    assert fault.code == code
    assert fault.remedy.startswith("did you mean")
    worse = changed("web.restarts < 5", "web.restart < 5", changed(old, new))
    assert sorted(f.code for f in faults_of(worse)) == ["HS200", "HS204"]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("every: 15m, max: 3, in: 6h", "every: 15", "guard.cooldown.every"),
        ("max: 3, in: 6h", "max: three, in: 6h", "guard.cooldown.max"),
        ("diagnose:\n  - {", "diagnose:\n    {", "diagnose"),
        ("{id: web, use: process.status, with: {target: =entity.name, lines: 5}, timeout: 5s}",
         "[web, process.status]", "diagnose[0]"),
        ("use: process.status, with", "use: 5, with", "diagnose[0].use"),
        ("with: {target: =entity.name, lines: 5}", "with: [=entity.name]", "diagnose[0].with"),
        ("{when: web.alive, do: settle}", "{when: 5, do: settle}", "decide[1].when"),
        ("{when: web.alive, do: settle}", "settle", "decide[1]"),
        ("{default: escalate, why: not the rollout}", "{default: Nobody!}", "decide[2].default"),
        ("plan: undo, why", "plan: [undo], why", "decide[0].plan"),
        ("rollback: [{id: back, use: process.restart}]", "rollback: snapsho",
         "plans.undo.rollback"),
        ("rollback: [{id: back, use: process.restart}]", "rollback: [{id: back}]",
         "plans.undo.rollback[0].use"),
        ("success: {all: [after.alive, after.restarts == 0], consecutive: 3, every: 20s}",
         "success: 5", "plans.undo.verify.success"),
        ("settle: 30s", "settle: 30", "plans.undo.verify.settle"),
        ("decay: 5m", "decay: soon", "plans.again.verify.decay"),
        ("observe: [{id: after, use: process.status}]", "observe: {id: after}",
         "plans.undo.verify.observe"),
        ("observe: [{id: after, use: process.status}]", "observe: [{id: after}]",
         "plans.undo.verify.observe[0].use"),
        ("    steps: [{id: again, use: process.restart}]\n", "    steps: again\n",
         "plans.again.steps"),
        ("evidence: [web]", "evidence: [5]", "escalate.evidence[0]"),
        ("state: active", "state: activ", "lifecycle.state"),
        ("{runbook: crash-loop, plan: undo,", "{runbook: crash-loop, plan: 5,",
         "tests[0].expect.plan"),
        ("owner: team-shop, ", "", "metadata.owner"),
        ("kind: Runbook", "kind: Runbok", "kind"),
        ("layer: product, tier: low, author: ann}", "layer: prodct, tier: low}", "metadata.layer"),
    ],
)  # fmt: skip
def test_a_part_of_the_wrong_shape_is_one_fault_and_hides_none(
    old: str, new: str, path: str
) -> None:
    text = changed(old, new)
    (fault,) = faults_of(text)
    assert (fault.code, fault.path) == ("HS200", path)
    worse = changed("3 undo in 6h", "3 undoo in 6h", text)
    assert sorted(f.code for f in faults_of(worse)) == ["HS200", "HS213"]


def test_faults_behind_one_that_was_left_out_stand_where_they_are_written() -> None:
    text = changed("{when: web.alive, do: settle}", "settle")
    text = changed("{default: escalate, why: not", "{default: escalat, why: not", text)
    found = faults_of(text)
    assert [(f.code, f.path) for f in found] == [
        ("HS200", "decide[1]"),
        ("HS207", "decide[2].default"),
    ]
    line = text.splitlines()[found[1].line - 1]
    assert line[found[1].column - 1 :].startswith("escalat,")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("settle: 30s\n", "settle: 30s\n      settle: 40s\n", "HS110"),
        ("owner: team-shop", "owner: &team team-shop", "HS108"),
        ("max: 3, in", "max: 010, in", "HS112"),
        ("lines: 5}", "lines: !!int 5}", "HS111"),
    ],
)
def test_what_is_wrong_with_the_yaml_of_one_value_hides_nothing_else(
    old: str, new: str, code: str
) -> None:
    text = changed(old, new)
    assert [f.code for f in faults_of(text)] == [code]
    worse = changed("evidence: [web]", "evidence: [wep]", text)
    assert sorted(f.code for f in faults_of(worse)) == [code, "HS215"]


def test_the_faults_of_one_runbook_never_hide_those_of_another() -> None:
    bad = changed("every: 15m", "every: 15")
    worse = changed("web.restarts < 5", "web.restart < 5").replace("crash-loop", "second")
    doubled = changed("settle: 30s\n", "settle: 30s\n      settle: 40s\n")
    whole = "---\n".join((bad, SMALL, doubled.replace("crash-loop", "third")))
    found = load_files([("a.yaml", whole), ("b.yaml", worse), ("c.yaml", "a: [")], PLUGINS)
    assert [(f.file, f.code) for f in found.faults] == [
        ("a.yaml", "HS200"),
        ("a.yaml", "HS110"),
        ("b.yaml", "HS204"),
        ("c.yaml", "HS104"),
    ]
    assert [r.name for r in found.runbooks] == ["web-hung"]


def paths_in(value: Any, path: Path = ()) -> Iterator[Path]:
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, step)
        if isinstance(inner, dict | list):
            yield from paths_in(inner, (*path, step))


def replaced(data: Any, path: Path, by: Any) -> str:
    """As JSON, which is YAML."""
    whole = json.loads(json.dumps(data))
    parent = whole
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = by
    return json.dumps(whole, indent=1)


@pytest.mark.parametrize("text", [SMALL, FULL, WHOLE], ids=["small", "full", "whole"])
def test_whatever_is_replaced_by_nonsense_gives_one_fault_at_that_place(text: str) -> None:
    data = parse(text, file="r.yaml").data
    for path in paths_in(data):
        nonsense = replaced(data, path, [[None]])
        faults = load_files([("r.yaml", nonsense)], PLUGINS).faults
        inside = {tuple(str(step) for step in path)}
        told = {tuple(re.findall(r"[^.\[\]]+", fault.path))[: len(path)] for fault in faults}
        assert told == inside, (path, [str(f) for f in faults])


def test_what_is_no_mapping_is_told_once() -> None:
    (fault,) = faults_of("- a list\n")
    assert fault.message == "a mapping is expected here, not a list"


def test_an_empty_mapping_names_all_it_lacks() -> None:
    assert [f.path for f in faults_of("{}\n")] == ["apiVersion", "kind", "metadata", "match", ""]
