"""What is broken, what a diagnostic sees of it, and what an action does about it.

Nobody but this world and the oracle knows causes. What diagnostics answer has the types the shipped
ones declare; the figures in it vary from look to look, and things that have nothing to do with the
fault are now and then unusual as well.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.core.fingerprint import fingerprint
from agent.model.alert import Alert, AlertStatus
from agent.model.product import EntityKind, Registry
from agent.ports.plugin import Diagnostic, Plugin
from tests.proof.learning.families import by_alert
from tests.proof.learning.lately import released, usual_changes
from tests.proof.learning.words import Act, Cause, Family, Harm, Way

HOUR = 3_600.0
GIGABYTE = 2**30
LINK = "http://127.0.0.1:9090/graph?g0.tab=1&g0.expr="
_BLANK = re.compile(r"\{([^{}]+)\}")
_PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


@dataclass
class Fault:
    """One thing that is broken, and the alert that tells of it."""

    number: int
    family: Family
    cause: Cause
    entity: str
    product: str
    began_at: float
    labels: Mapping[str, str]
    seen: dict[str, dict[str, Any]]
    """What each diagnostic shows of it."""
    ends_at: float | None
    over_at: float | None = None
    starts_at: float | None = None
    """Of its alert; None until it fires."""
    told_over_at: float | None = None
    done: list[Act] = field(default_factory=list)
    progress: dict[int, int] = field(default_factory=dict)
    """By number of the way: how many of its steps were done."""
    helped: str = ""
    """What ended it: a way, by itself, a placebo, somebody outside."""

    @property
    def alert(self) -> Alert:
        assert self.starts_at is not None
        return Alert(
            source="prometheus",
            fingerprint=fingerprint(self.labels),
            status=AlertStatus.FIRING,
            labels=self.labels,
            starts_at=self.starts_at,
            generator_url=link_of(self.family.expression),
        )

    def filled(self, value: Any) -> Any:
        """A parameter of an act, with what stands in braces filled in."""
        if not isinstance(value, str):
            return value
        return _BLANK.sub(lambda found: self._blank(found[1]), value)

    def _blank(self, name: str) -> str:
        if name == "entity":
            return self.entity
        if name == "product":
            return self.product
        if name.startswith("label:"):
            return self.labels[name.removeprefix("label:")]
        use, _, what = name.rpartition(".")
        return str(self.seen[use][what])

    def params_of(self, act: Act) -> dict[str, Any]:
        return {name: self.filled(value) for name, value in act.params.items()}

    def is_step(self, act: Act, use: str, params: Mapping[str, Any]) -> bool:
        """Whether this call is that act, as far as it matters."""
        wanted = self.params_of(act)
        return use == act.use and all(
            name in act.free or params.get(name) == value for name, value in wanted.items()
        )

    def is_way(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
        """Whether these calls, or the beginning of a longer way, are right for its cause."""
        return any(self._is_begun(way, calls) for way in self.family.right(self.cause.name))

    def _is_begun(self, way: Way, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
        return len(calls) <= len(way) and all(
            self.is_step(act, use, params) for act, (use, params) in zip(way, calls, strict=False)
        )


def link_of(expression: str) -> str:
    if not expression:
        return ""
    escaped = (c if c in _PLAIN else f"%{ord(c):02X}" for c in expression)
    return LINK + "".join(escaped)


class Surroundings(Protocol):
    """What the world needs of whoever plays it."""

    now: float

    def later(self, seconds: float, happens: Callable[[], None]) -> None: ...

    def send(self, alert: Alert) -> None: ...


class World:
    def __init__(
        self,
        seed: int,
        surroundings: Surroundings,
        registry: Registry,
        plugins: Mapping[str, Plugin],
    ) -> None:
        self.faults: list[Fault] = []
        self.hurt: list[tuple[float, str, str]] = []
        """Damage done: when, by which action, on what."""
        self._chance = random.Random(f"{seed}/world")
        self._around, self._registry, self._plugins = surroundings, registry, plugins
        self._families = {family.id: family for family in by_alert().values()}
        self._by_alert: dict[str, list[Fault]] = {}
        self.active: list[Fault] = []

    def fault_of(self, identities: Sequence[str], starts_at: float) -> Fault | None:
        """The fault behind an incident, by its alerts: the last that fired before it was opened."""
        found = [f for identity in identities for f in self._by_alert.get(identity, ())]
        return max(
            (f for f in found if (f.starts_at or 0.0) <= starts_at + 1),
            key=lambda f: f.began_at,
            default=None,
        )

    def faults_of(self, identities: Sequence[str], since: float, until: float) -> list[Fault]:
        """Every fault an incident was about while it was open."""
        return [
            f
            for identity in identities
            for f in self._by_alert.get(identity, ())
            if f.starts_at is not None and since - 1 <= f.starts_at <= until + 1
        ]

    # it breaks, and is over

    def break_(
        self,
        family: Family,
        cause: Cause,
        entity: str,
        *,
        again: Fault | None = None,
    ) -> Fault:
        chance, now = self._chance, self._around.now
        product = self._registry.entities[entity].product or ""
        ends = None
        if again is not None:
            ends = again.ends_at
        elif cause.ends is not None:
            ends = now + max(20.0, cause.ends(chance))
        fault = Fault(
            number=len(self.faults),
            family=family,
            cause=cause,
            entity=entity,
            product=product,
            began_at=now,
            labels=dict(again.labels) if again else self._labels(family, entity, product),
            seen={},
            ends_at=ends,
        )
        fault.seen = self._seen(fault)
        self.faults.append(fault)
        self.active.append(fault)
        self._around.later(chance.uniform(15, 75), lambda: self._fire(fault))
        if ends is None:  # somebody finds out in the end
            ends = now + chance.uniform(4 * HOUR, 10 * HOUR)
        self._around.later(max(1.0, ends - now), lambda: self.end(fault, "by itself"))
        return fault

    def _labels(self, family: Family, entity: str, product: str) -> dict[str, str]:
        chance = self._chance
        labels = {
            "alertname": family.alert,
            "service": entity,
            "instance": f"10.0.{chance.randint(0, 9)}.{chance.randint(1, 250)}:8080",
            "pod": f"{entity}-{chance.randrange(16**5):05x}",
            "severity": family.severity,
        }
        for name, values in family.labels.items():
            labels[name] = chance.choice(values).replace("{product}", product)
        return labels

    def _fire(self, fault: Fault) -> None:
        now = self._around.now
        if fault.over_at is not None and now >= fault.over_at + fault.family.looks_back:
            return  # over before the rule saw it
        fault.starts_at = now
        self._by_alert.setdefault(fault.alert.identity, []).append(fault)
        self._around.later(self._chance.uniform(5, 35), lambda: self._around.send(fault.alert))
        if fault.over_at is not None:
            self._tell_over(fault)

    def end(self, fault: Fault, why: str) -> None:
        if fault.over_at is not None:
            return
        fault.over_at, fault.helped = self._around.now, why
        self.active.remove(fault)
        if fault.starts_at is not None:
            self._tell_over(fault)

    def _tell_over(self, fault: Fault) -> None:
        """The rule notices at its next evaluation, and its message takes a while."""
        assert fault.over_at is not None
        assert fault.starts_at is not None
        until = max(fault.over_at + fault.family.looks_back, fault.starts_at)
        at = until + self._chance.uniform(5, 60)
        fault.told_over_at = at

        def tell() -> None:
            alert = fault.alert
            over = Alert(
                source=alert.source,
                fingerprint=alert.fingerprint,
                status=AlertStatus.RESOLVED,
                labels=alert.labels,
                starts_at=alert.starts_at,
                ends_at=at,
                generator_url=alert.generator_url,
            )
            self._around.send(over)

        self._around.later(at - self._around.now + self._chance.uniform(40, 90), tell)

    # what is done about it

    def act(self, use: str, params: Mapping[str, Any]) -> None:
        """An action has just been done, by whoever."""
        target = str(params.get("target", ""))
        for fault in list(self.active):
            for harm in fault.cause.harms:
                if harm.use == use and target == fault.entity:
                    self._harm(fault, harm)
            self._help(fault, use, params, target)

    def _help(self, fault: Fault, use: str, params: Mapping[str, Any], target: str) -> None:
        chance, cause = self._chance, fault.cause
        for number, way in enumerate(cause.cures):
            done = fault.progress.get(number, 0)
            if not fault.is_step(way[done], use, params):
                continue
            fault.progress[number] = done + 1
            if done + 1 == len(way):
                fault.progress[number] = 0
                if chance.random() < cause.works:
                    self._cured(fault, "cure")
        share = cause.placebos.get(use, 0.0)
        if target == fault.entity and share and chance.random() < share:
            self._cured(fault, "placebo")

    def _cured(self, fault: Fault, why: str) -> None:
        cause, chance = fault.cause, self._chance
        self._around.later(cause.clears(chance), lambda: self.end(fault, why))
        if chance.random() < cause.returns:
            self._around.later(chance.uniform(240, 1_500), lambda: self._again(fault))

    def _again(self, fault: Fault) -> None:
        is_past = fault.ends_at is not None and self._around.now > fault.ends_at - 60
        if fault.over_at is not None and not is_past:
            self.break_(fault.family, fault.cause, fault.entity, again=fault)

    def _harm(self, fault: Fault, harm: Harm) -> None:
        """Something worse follows, with that chance, unless it is there already."""
        if self._chance.random() >= harm.chance:
            return
        harmed = self._families[harm.family]
        self.hurt.append((self._around.now, harm.use, fault.entity))

        def follow() -> None:
            if not self._is_sick(fault.entity, harmed):
                self.break_(harmed, harmed.causes[0], fault.entity)

        self._around.later(harm.after(self._chance), follow)

    def _is_sick(self, entity: str, family: Family) -> bool:
        return any(f.entity == entity and f.family is family for f in self.active)

    # what can be seen of it

    def look(self, use: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer of a diagnostic; None where there is none."""
        plugin = self._plugins.get(use)
        name = str(params.get("target", ""))
        if not isinstance(plugin, Diagnostic) or name not in self._registry.entities:
            return None
        shown = self._usual(use, name)
        if shown is None:
            return None
        for fault in self.active:
            if fault.entity == name:
                shown |= fault.seen.get(use, {})
        known = {n: v for n, v in shown.items() if n in plugin.result.model_fields}
        return plugin.result.model_validate(known).model_dump(mode="json")

    def _seen(self, fault: Fault) -> dict[str, dict[str, Any]]:
        """What stays as it is from look to look while it is broken: what it shows, and what was
        unusual anyway."""
        chance = self._chance
        version = chance.randint(20, 90)
        seen: dict[str, dict[str, Any]] = {
            "process.status": {"version": f"v{version}", "previous_version": f"v{version - 1}"},
        }
        if chance.random() < 0.08:
            ago = round(chance.uniform(60, 1_700), 1)
            seen["process.status"] |= {"changed_recently": True, "version_changed_seconds_ago": ago}
        if chance.random() < 0.04:
            seen["config.state"] = {"changed": True, "changed_seconds_ago": chance.uniform(9, 9e4)}
        for use, fields in fault.cause.shows(chance).items():
            seen.setdefault(use, {}).update(fields)
        if seen["process.status"].get("changed_recently"):
            seen["changes.recent"] = released(chance, fault.entity, seen["process.status"])
        return seen

    def _usual(self, use: str, name: str) -> dict[str, Any] | None:
        """A healthy one, as it is at this moment."""
        chance = self._chance
        is_service = self._registry.entities[name].kind is EntityKind.SERVICE
        memory = int(min(1.2, chance.lognormvariate(0.0, 0.35) * 0.5) * GIGABYTE)
        changed = round(chance.uniform(2_000, 900_000), 1)
        if use == "process.status":
            return {
                "alive": True,
                "hung": False,
                "answers": True if is_service else None,
                "restarts": chance.randint(0, 6),
                "pid": chance.randint(300, 60_000),
                "uptime_seconds": round(chance.uniform(600, 2e6), 1),
                "memory_bytes": memory,
                "version": "v10",
                "previous_version": "v9",
                "version_changed_seconds_ago": changed,
            }
        if use == "changes.recent":
            return usual_changes(chance, name)
        if use == "config.state":
            return {"known": True, "changed": False, "path": "app.yaml", "diff": []}
        if use == "process.recent_log":
            errors = chance.choice([0, 0, 0, 1, 2])
            lines = [f"served {chance.randint(1, 999)}" for _ in range(3)]
            last = f"Error: request {chance.randint(1, 10**6)}" if errors else ""
            return {"lines": lines, "errors": errors, "last_error": last}
        if use == "dependencies.health":
            needs = sorted(self._registry.entities[name].depends_on)
            return {"sick": [], "healthy": needs, "unknown": [], "summary": f"{len(needs)} well"}
        if use == "process.resources":
            return {
                "alive": True,
                "memory_bytes": memory,
                "memory_limit_bytes": 2 * GIGABYTE,
                "memory_share": round(memory / (2 * GIGABYTE), 4),
                "open_files": chance.randint(20, 400),
                "sockets": chance.randint(5, 90),
                "processes": chance.randint(1, 8),
            }
        if use == "process.launches":
            return {
                "lately": chance.choice([0, 0, 0, 1]),
                "lately_since_change": 0,
                "alive": True,
                "version": "v10",
                "previous_version": "v9",
                "version_age": changed,
            }
        return None
