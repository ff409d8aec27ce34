"""What can be asked of a Kubernetes and done to it, as it is declared: no cluster is connected."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from agent.catalog.fact_types import result_types
from agent.model.effect import Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster_kinds import KINDS
from agent.ports.plugin import Action, Diagnostic
from agent.runtime.registry import plugin_facts
from tests.support.kits import lent
from tests.support.shipped import plugin, shipped

DECLARED: dict[str, Action | Diagnostic] = {
    n: p
    for n, p in sorted(shipped().plugins.items())
    if n.startswith("kubernetes.") and isinstance(p, Action | Diagnostic)
}
DIAGNOSTICS = {n: p for n, p in DECLARED.items() if isinstance(p, Diagnostic)}
ACTIONS = {n: p for n, p in DECLARED.items() if isinstance(p, Action)}
CEL = {"bool", "int", "double", "string", "duration", "list<string>"}
GIVEN = {
    "target": "prod-a/deployment/web",
    "to": 3,
    "replicas": 3,
    "namespace": "prod-a",
    "container": "web",
    "image": "registry.example/shop/web:1.2",
    "to_bytes": 2**31,
    "source": "prod-a/configmap/web",
}
TARGETS = {
    "kubernetes.argo_abort": "prod-a/rollout/web",
    "kubernetes.argo_undo": "prod-a/rollout/web",
    "kubernetes.autoscaler": "prod-a/horizontalpodautoscaler/web",
    "kubernetes.certificate": "prod-a/certificate/web",
    "kubernetes.cordon": "node/node-1",
    "kubernetes.evict_pod": "prod-a/pod/web-1",
    "kubernetes.expand_volume": "prod-a/persistentvolumeclaim/web",
    "kubernetes.job_status": "prod-a/job/web",
    "kubernetes.node_status": "node/node-1",
    "kubernetes.owner_chain": "prod-a/pod/web-1",
    "kubernetes.renew_certificate": "prod-a/certificate/web",
    "kubernetes.rerun_job": "prod-a/job/web",
    "kubernetes.uncordon": "node/node-1",
    "kubernetes.volume": "prod-a/persistentvolumeclaim/web",
}
"""Of those that are about something else than a workload."""


def params_of(declared: Action | Diagnostic) -> Any:
    fields = declared.params.model_fields
    wanted = {name: GIVEN[name] for name, field in fields.items() if field.is_required()}
    if "target" in wanted:
        wanted["target"] = TARGETS.get(declared.name, wanted["target"])
    return declared.params.model_validate(wanted)


def models(result: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield result
    for field in result.model_fields.values():
        for part in get_args(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from models(part)


def test_what_each_action_is_like_when_it_is_done_twice_and_taken_back() -> None:
    conditional, idempotent, probed = Effect.CONDITIONAL, Effect.IDEMPOTENT, Effect.PROBED
    snapshot, nothing, none = Reversal.SNAPSHOT, Reversal.NOTHING, Reversal.NONE
    assert {name: (a.effect, a.reversal) for name, a in ACTIONS.items()} == {
        "kubernetes.argo_abort": (conditional, nothing),
        "kubernetes.argo_undo": (conditional, snapshot),
        "kubernetes.config_restore": (conditional, snapshot),
        "kubernetes.cordon": (idempotent, snapshot),
        "kubernetes.delete_failed_pods": (idempotent, none),
        "kubernetes.evict_pod": (conditional, nothing),
        "kubernetes.expand_volume": (idempotent, none),
        "kubernetes.patch_image": (conditional, snapshot),
        "kubernetes.renew_certificate": (probed, nothing),
        "kubernetes.rerun_job": (idempotent, nothing),
        "kubernetes.rollout_restart": (conditional, nothing),
        "kubernetes.rollout_undo": (conditional, snapshot),
        "kubernetes.scale": (conditional, snapshot),
        "kubernetes.uncordon": (idempotent, snapshot),
    }


@pytest.mark.parametrize("name", DECLARED)
def test_without_a_connection_guards_say_no_and_nothing_is_found(name: str) -> None:
    assert DECLARED[name].needs == "kubernetes"
    assert shipped().facts()[name].is_connected is False
    assert shipped().facts(["kubernetes"])[name].is_connected is True
    assert plugin_facts(DECLARED[name], is_connected=False).needs == "kubernetes"


@pytest.mark.parametrize("name", DECLARED)
async def test_whoever_calls_it_nevertheless_is_told_that_nothing_is_connected(name: str) -> None:
    declared = DECLARED[name]
    bound: dict[str, Any] = {"use": name, "rights": declared.rights, "deadline_seconds": 1.0}
    async with lent() as kits:
        kit: Any = kits.read(**bound)
        if isinstance(declared, Action):
            kit = kits.act(key="k", **bound)
        with pytest.raises(Permanent, match="no Kubernetes is connected"):
            await declared.run(kit, params_of(declared))
        if isinstance(declared, Action) and declared.probe_function is not None:
            with pytest.raises(Permanent, match="no Kubernetes is connected"):
                await declared.probe_function(kit, params_of(declared), "k")


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_what_is_not_known_is_left_out_and_never_guessed(name: str) -> None:
    empty = DIAGNOSTICS[name].result()
    assert set(empty.model_dump().values()) == {None}
    for model in models(DIAGNOSTICS[name].result):
        for field in model.model_fields.values():
            assert field.description, (model, field)


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_every_field_has_a_type_that_expressions_check(name: str) -> None:
    assert set(result_types(DIAGNOSTICS[name].result).values()) <= CEL


def test_times_are_durations_and_nested_fields_dotted_names() -> None:
    found = result_types(plugin("kubernetes.rollout_history").result)
    assert found["changed_ago"] == "duration"
    assert found["previous.healthy"] == "bool"
    assert found["previous.revision"] == "int"
    status = plugin("kubernetes.pod_status").result(unavailable_for="3m")
    assert status.model_dump(mode="json")["unavailable_for"] == 180.0


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("scale", {"replicas": 0}),
        ("scale", {"replicas": -1}),
        ("scale", {"replicas": 1_001}),
        ("rollout_undo", {"to": 0}),
        ("rollout_undo", {"to": None}),
        ("expand_volume", {"to_bytes": 10}),
        ("patch_image", {"image": "registry.example/web:latest"}),
        ("patch_image", {"image": "registry.example:5000/web"}),
        ("patch_image", {"image": "web:1 --privileged"}),
        ("patch_image", {"container": "Web;rm"}),
        ("quota", {"namespace": "../kube-system"}),
        ("quota", {"namespace": "a" * 64}),
        ("pod_logs", {"lines": 10_000}),
        ("config_restore", {"source": ""}),
        ("evict_pod", {"pod": ""}),
        ("pod_status", {"since": "a while"}),
        ("rollout_restart", {"all": True}),
    ],
)
def test_what_could_do_harm_is_refused_before_it_is_asked(name: str, wrong: dict[str, Any]) -> None:
    declared = plugin(f"kubernetes.{name}")
    good = params_of(declared).model_dump()
    declared.params.model_validate(good)
    with pytest.raises(ValidationError):
        declared.params.model_validate({**good, **wrong})


@pytest.mark.parametrize(
    "image", ["web:1.2", "r.example:5000/shop/web:v3", f"web@sha256:{'0' * 64}"]
)
def test_an_image_is_named_by_tag_or_digest(image: str) -> None:
    params = plugin("kubernetes.patch_image").params
    assert params(target="a", container="web", image=image).image == image


def test_what_is_declared_is_changed_only_by_those_that_say_so() -> None:
    """F-K8-10: a repository would undo them, so that is what the rail looks at."""
    assert {name.partition(".")[2] for name, a in ACTIONS.items() if a.declares} == {
        "argo_undo",
        "config_restore",
        "expand_volume",
        "patch_image",
        "rollout_undo",
        "scale",
    }


WRITES = {"patch", "create", "delete"}


@pytest.mark.parametrize("name", DECLARED)
def test_each_asks_for_what_it_needs_and_for_no_secret(name: str) -> None:
    declared = DECLARED[name]
    assert declared.rights or isinstance(declared, Diagnostic)
    verbs = {verb for right in declared.rights for verb in right.verbs}
    assert bool(verbs & WRITES) == isinstance(declared, Action)
    assert "*" not in verbs
    for right in declared.rights:
        assert right.kind in KINDS
        assert right.kind != "secret"
        assert "delete" not in right.verbs or name == "kubernetes.delete_failed_pods"


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_says_what_it_is_not_for(name: str) -> None:
    said = ast.get_docstring(ast.parse(shipped().paths[name].read_text())) or ""
    assert re.search(r"\b(Not|Never) ", said)
