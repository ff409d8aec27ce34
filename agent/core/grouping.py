"""Which alerts are one incident: the same layer, product, alert name and entity.

The policy's `group_by` names labels that tell incidents apart besides, as Alertmanager's does: a
missing label is an empty one, and `...` is every label. Without it, a label that nobody counts on
(an id, a time) cannot make two incidents of one fault.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.fingerprint import fingerprint, group_key
from agent.core.identify import Identity, identify
from agent.core.own_alert import OURSELVES
from agent.core.view import View
from agent.model.alert import Alert

EVERY_LABEL = "..."
SEPARATOR = "\x1e"


def key_of(alert: Alert, view: View) -> tuple[str, Identity]:
    """Group key of the incident this alert belongs to."""
    identity = identify(alert, view.registry, view.inventory)
    key = group_key(
        layer=identity.layer.value,
        product=identity.product,
        name=alert.name,
        entity=identity.entity,
    )
    if alert.source == OURSELVES and identity.entity is None:
        # Two channels that broke, two sources that fell silent: each is told, whatever is open.
        return key + SEPARATOR + fingerprint(alert.labels), identity
    return key + _told_apart(alert.labels, view.policy.group_by), identity


def _told_apart(labels: Mapping[str, str], group_by: tuple[str, ...]) -> str:
    """Nothing where the policy names no labels, so that its incidents keep their keys."""
    if not group_by:
        return ""
    if EVERY_LABEL in group_by:
        return SEPARATOR + fingerprint(labels)
    parts = (f"{name}={labels.get(name, '')}" for name in sorted(set(group_by)))
    return SEPARATOR + SEPARATOR.join(parts)
