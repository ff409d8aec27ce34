"""What a step stands on: its plugin, its product, its target, its runbook. None of it passes by
waiting."""

from __future__ import annotations

from agent.core.approval import lacks_approval
from agent.core.blast_radius import assess
from agent.core.facts import resolve_params
from agent.core.inventory import belongs, find_one, named, object_of, owner_of
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.core.trust import RUNS, standing_of
from agent.model.alert import Layer
from agent.model.effect import Effect
from agent.model.incident import Radius
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Truth

LONGEST = 200


@rail(
    id="plugin_loaded",
    reads=("plugins",),
    reasons=(Reason.PLUGIN_MISSING,),
    holds_people=True,
    holds_rollbacks=True,
)
def plugin_loaded(q: Question) -> Stop | None:
    """The step uses an action that is loaded."""
    facts = q.view.plugins.get(q.use)
    if facts is None or facts.kind != "action":
        return Stop(reason=Reason.PLUGIN_MISSING, text=q.use)
    return None


@rail(
    id="connected",
    reads=("plugins",),
    reasons=(Reason.NOT_CONNECTED,),
    holds_people=True,
    holds_rollbacks=True,
)
def connected(q: Question) -> Stop | None:
    """What the plugin needs (a cluster, say) is there: nothing it does could be known."""
    facts = q.view.plugins[q.use]
    if not facts.is_connected:
        text = f"{q.use} needs {facts.needs}" if facts.needs else q.use
        return Stop(reason=Reason.NOT_CONNECTED, text=text)
    return None


@rail(
    id="effect_repeatable",
    reads=("plugins",),
    reasons=(Reason.EFFECT_OPAQUE,),
    holds_rollbacks=True,
)
def effect_repeatable(q: Question) -> Stop | None:
    """An opaque action can never be repeated nor checked: only a person may ask for one."""
    if q.view.plugins[q.use].effect == Effect.OPAQUE.value:
        return Stop(reason=Reason.EFFECT_OPAQUE, text=q.use)
    return None


@rail(id="layer_allows", reads=(), reasons=(Reason.OUTCOME_LAYER,), holds_rollbacks=True)
def layer_allows(q: Question) -> Stop | None:
    """What a product does for its users is never healed by machine."""
    if q.incident.layer is Layer.OUTCOME:
        return Stop(reason=Reason.OUTCOME_LAYER)
    return None


@rail(id="product_known", reads=(), reasons=(Reason.PRODUCT_UNKNOWN,), holds_rollbacks=True)
def product_known(q: Question) -> Stop | None:
    """Nothing is done for what is not registered."""
    if q.incident.product is None and q.incident.entity is None:
        return Stop(reason=Reason.PRODUCT_UNKNOWN)
    return None


@rail(id="object_known", reads=("registry", "inventory"), reasons=(Reason.OBJECT_UNKNOWN,))
def object_known(q: Question) -> Stop | None:
    """A runbook about an object of the inventory does nothing where it was not found."""
    query = q.runbook.match.entity if q.runbook is not None else None
    if query is None or object_of(q.incident, q.view) is not None:
        return None
    if q.incident.target is not None:
        text = f"{q.incident.target} is not there any more"
        return Stop(reason=Reason.OBJECT_UNKNOWN, text=text[:LONGEST])
    try:
        keys = resolve_params(query.of, q.facts)
    except LookupError as missing:
        return Stop(reason=Reason.OBJECT_UNKNOWN, text=f"{query.kind}: {missing}"[:LONGEST])
    why = find_one(query.kind, keys, q.incident, q.view).why
    return Stop(reason=Reason.OBJECT_UNKNOWN, text=why[:LONGEST])


@rail(
    id="target_known",
    reads=("registry", "inventory"),
    reasons=(
        Reason.TARGET_MISSING,
        Reason.TARGET_UNKNOWN,
        Reason.TARGET_OF_ANOTHER_PRODUCT,
    ),
    holds_people=True,
    holds_rollbacks=True,
)
def target_known(q: Question) -> Stop | None:
    """An empty target set is an error, and targets come from the registry: an object of the
    inventory counts where it belongs to a registered entity."""
    if not q.target:
        return Stop(reason=Reason.TARGET_MISSING)
    thing = named(q.target, q.view)
    entity = owner_of(thing, q.view.registry) if thing is not None else None
    if entity is None:
        return Stop(reason=Reason.TARGET_UNKNOWN, text=q.target[:80])
    if q.by == "agent" and not belongs(entity, q.incident):
        return Stop(reason=Reason.TARGET_OF_ANOTHER_PRODUCT, text=q.target)
    return None


@rail(
    id="radius_allows",
    reads=("policy", "registry", "incidents", "signs"),
    reasons=(Reason.RADIUS_SYSTEMIC,),
)
def radius_allows(q: Question) -> Stop | None:
    """What several products share is not healed from inside one of them."""
    found = assess(q.incident, q.view)
    if found.radius is Radius.SYSTEMIC:
        return Stop(reason=Reason.RADIUS_SYSTEMIC, text=found.suspect or "")
    return None


@rail(
    id="requirements_hold",
    reads=(),
    reasons=(Reason.REQUIREMENT_FALSE, Reason.REQUIREMENT_UNKNOWN),
)
def requirements_hold(q: Question) -> Stop | None:
    """What the runbook requires is so."""
    if q.runbook is None:
        return None
    for require in q.runbook.guard.require:
        truth = require(q.facts)
        if truth is Truth.FALSE:
            return Stop(reason=Reason.REQUIREMENT_FALSE, text=require.text)
        if truth is Truth.UNKNOWN:
            return Stop(reason=Reason.REQUIREMENT_UNKNOWN, text=require.text)
    return None


@rail(
    id="lifecycle_allows",
    reads=("standings",),
    reasons=(
        Reason.RUNBOOK_IN_SHADOW,
        Reason.RUNBOOK_NEEDS_APPROVAL,
        Reason.RUNBOOK_NOT_RUNNABLE,
        Reason.RUNBOOK_SUSPENDED,
    ),
)
def lifecycle_allows(q: Question) -> Stop | None:
    """A runbook runs as far as people trust it by now: not at all, when asked, or by itself."""
    if q.runbook is None:
        return None
    if standing_of(q.runbook.name, q.view).is_suspended and q.runbook.lifecycle in RUNS:
        why = standing_of(q.runbook.name, q.view).why
        return Stop(reason=Reason.RUNBOOK_SUSPENDED, text=f"{q.runbook.name}: {why}"[:LONGEST])
    state = q.runbook.lifecycle
    if state is Lifecycle.SHADOW:
        return Stop(reason=Reason.RUNBOOK_IN_SHADOW, text=q.runbook.name)
    if state is Lifecycle.ASSISTED:
        lack = lacks_approval(q.incident, q.runbook, q.facts, q.params)
        if lack is not None:
            return Stop(reason=Reason.RUNBOOK_NEEDS_APPROVAL, text=lack[:LONGEST])
    if state not in RUNS:
        return Stop(reason=Reason.RUNBOOK_NOT_RUNNABLE, text=state.value)
    return None
