from __future__ import annotations

from agent.catalog.entity_kinds import OBJECT_KINDS
from agent.catalog.expressions import Scope, compile_predicate
from agent.core.inventory import REGISTERED
from agent.model.product import EntityKind

WORKLOADS = ("deployment", "statefulset", "daemonset")


def test_every_kind_of_the_registry_is_one_that_can_be_asked_for() -> None:
    assert {kind.value for kind in EntityKind} == REGISTERED
    assert set(OBJECT_KINDS) > REGISTERED


def test_a_registered_entity_has_no_more_than_the_registry_knows_and_any_key() -> None:
    for name in REGISTERED:
        assert not OBJECT_KINDS[name].facts
        assert OBJECT_KINDS[name].keys is None


def test_an_object_is_found_by_its_name_and_by_the_label_its_kind_has() -> None:
    for name in set(OBJECT_KINDS) - REGISTERED:
        keys = OBJECT_KINDS[name].keys
        assert keys is not None
        assert {"name", name} <= keys
        assert ("namespace" in OBJECT_KINDS[name].facts) == ("namespace" in keys)


def test_what_runs_in_pods_is_found_by_any_of_them() -> None:
    for name in (*WORKLOADS, "job"):
        assert "pod" in (OBJECT_KINDS[name].keys or ())


def test_facts_are_declared_as_names_an_expression_can_read() -> None:
    for kind in OBJECT_KINDS.values():
        scope = Scope().with_names(kind.names)
        for name, declared in kind.names.items():
            assert name.startswith("entity.")
            tested = {
                "int": f"{name} >= 1",
                "bool": name,
                "string": f'{name} == "x"',
                "map<string, string>": f'{name}.x == "x"',
            }[declared]
            assert compile_predicate(tested, scope).text == tested


def test_no_fact_takes_the_place_of_what_everything_has() -> None:
    common = {"name", "kind", "product", "owner"}
    for kind in OBJECT_KINDS.values():
        assert common.isdisjoint(kind.facts)
