"""Every rail is needed: it has a test that fails without it, an own name, and a sentence."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from agent.core import rails
from agent.core.guard import RAILS
from agent.core.rails.rail import Rail
from agent.core.view import View
from tests.rails_mutation import own_tests_fail

FILES = [
    importlib.import_module(f"{rails.__name__}.{m.name}")
    for m in pkgutil.iter_modules(rails.__path__)
]


def test_without_a_rail_a_test_that_is_marked_with_it_fails() -> None:
    found = own_tests_fail()
    assert [one.id for one in RAILS if not found.get(one.id)] == []
    assert set(found) - {one.id for one in RAILS} == set(), "marked with a rail that is not there"


def test_every_rail_that_is_written_is_asked() -> None:
    written = {
        found.id
        for file in FILES
        for _, found in inspect.getmembers(file)
        if isinstance(found, Rail)
    }
    assert written == {one.id for one in RAILS}


def test_names_are_unique_and_every_rail_says_what_it_is_for() -> None:
    names = [one.id for one in RAILS]
    assert len(set(names)) == len(names)
    assert [one.id for one in RAILS if not one.text or not one.reasons] == []


def test_rails_read_what_a_view_has() -> None:
    fields = set(View.__struct_fields__)
    assert [(one.id, name) for one in RAILS for name in one.reads if name not in fields] == []
