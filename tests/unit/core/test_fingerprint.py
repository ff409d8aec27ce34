"""Identity of alerts, messages and incidents."""

from __future__ import annotations

import pytest

from agent.core.fingerprint import fingerprint, group_key, incident_id, message_key
from agent.model.alert import AlertStatus
from tests.support.cases import START, alert, resolved


@pytest.mark.parametrize(
    ("labels", "known"),
    [
        # prometheus/common, model/labelset_test.go and signature_test.go
        ({}, "cbf29ce484222325"),
        ({"name": "garland, briggs", "fear": "love is not enough"}, f"{5799056148416392346:016x}"),
    ],
)
def test_the_fingerprint_is_that_of_prometheus(labels: dict[str, str], known: str) -> None:
    assert fingerprint(labels) == known


def test_the_order_of_labels_does_not_matter() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})


def test_labels_do_not_run_into_each_other() -> None:
    assert fingerprint({"a": "bc"}) != fingerprint({"ab": "c"})


def test_long_label_sets_have_the_same_fingerprint_function() -> None:
    long = {"a": "x" * 5000}
    assert fingerprint(long) == fingerprint(dict(long)) != fingerprint({"a": "x" * 4999})


def test_two_messages_are_one_only_if_all_of_their_identity_agrees() -> None:
    firing = alert()
    keys = {
        message_key(firing),
        message_key(alert(starts_at=START + 1)),
        message_key(alert(source="other")),
        message_key(resolved(firing, START + 1)),
        message_key(resolved(firing, START + 2)),
    }
    assert len(keys) == 5
    assert message_key(alert(annotations={"summary": "new"})) == message_key(firing)
    assert message_key(alert(status=AlertStatus.FIRING, ends_at=START)) == message_key(firing)


def test_groups_and_incidents() -> None:
    key = group_key(layer="product", product="shop", name="Hung", entity="shop-web")
    assert key != group_key(layer="product", product="shop", name="Hung", entity=None)
    assert incident_id(key, START, "m1") == incident_id(key, START, "m1")
    assert len({incident_id(key, START, "m1"), incident_id(key, START, "m2")}) == 2
    assert incident_id(key, START, "m1") != incident_id(key, START + 1, "m1")
