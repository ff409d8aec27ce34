"""One command to one plugin call: the right kit, checked parameters, a plain value back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from agent.catalog.settings import Use, resolve_secrets
from agent.core.delivery import WITHHELD
from agent.core.reaching import LAST_RESORT, is_waiting
from agent.core.view import View
from agent.model.cluster import Asked, Foreseen
from agent.model.command import Command, CommandKind
from agent.model.effect import Effect
from agent.model.errors import Permanent
from agent.model.on_call import Telling
from agent.ports.plugin import Action, Diagnostic, Message, Notifier, Verification
from agent.runtime.cluster_preview import KUBERNETES, foresee
from agent.runtime.kit import Kits
from agent.runtime.last_resort import LastResort
from agent.runtime.registry import PluginRegistry

Channels = Callable[[], Mapping[str, Use]]


class Calling:
    """Implements the outbox's `Runner`."""

    def __init__(
        self,
        *,
        registry: Callable[[], PluginRegistry],
        kits: Kits,
        channels: Channels,
        view: View,
        last_resort: LastResort,
    ) -> None:
        self._registry, self._kits, self._channels = registry, kits, channels
        self._view, self._last_resort = view, last_resort

    async def call(self, command: Command) -> Mapping[str, Any]:
        """The result of the plugin as plain data. Raises what the plugin raises."""
        if command.kind is CommandKind.NOTIFY:
            return await self._notify(command)
        plugin = self._registry().get(command.use)
        if command.kind is CommandKind.PROBE:
            return await self._probe(command, plugin)
        if command.kind is CommandKind.ACT:
            return await self._act(command, plugin)
        if not isinstance(plugin, Diagnostic | Verification):
            raise Permanent(f"{command.use} is no diagnostic")
        params = _params(plugin, command.params, step=command.step)
        kit = self._kits.read(
            deadline_seconds=command.timeout_seconds,
            log_fields=_log_fields(command),
            use=plugin.name,
            rights=plugin.rights,
        )
        result = await plugin.run(kit, params)
        return result.model_dump(mode="json")

    def unfit(self, use: str, params: Mapping[str, Any]) -> str:
        """Why the action cannot take these parameters; empty where it can. Nothing is called."""
        try:
            plugin = self._registry().get(use)
            if not isinstance(plugin, Action):
                raise Permanent(f"{use} is no action")
            _params(plugin, params)
        except Permanent as wrong:
            return str(wrong)
        return ""

    async def _act(self, command: Command, plugin: object) -> Mapping[str, Any]:
        if not isinstance(plugin, Action):
            raise Permanent(f"{command.use} is no action")
        if plugin.effect is not command.effect:
            # Decided under another version of the plugin: the promise it was decided on is gone.
            raise Permanent(f"{command.use} is {plugin.effect} now, it was {command.effect}")
        params = _params(plugin, command.params, step=command.step)
        kit = self._kits.act(
            key=command.key,
            deadline_seconds=command.timeout_seconds,
            log_fields=_log_fields(command),
            use=plugin.name,
            rights=plugin.rights,
            asked=self._asked(command),
        )
        return await plugin.run(kit, params)

    def _asked(self, command: Command) -> Asked:
        case, by_person = self._view.incidents.get(command.subject), command.by != "agent"
        steps = case.steps if case is not None else ()
        decided = next((s.started_at for s in steps if s.id == command.key), command.created_at)
        if case is not None and not by_person and case.rollback_step is None:
            # It may have waited for an approval: what it was decided by was seen before.
            decided = min(decided, case.chosen_at or decided)
        hold = self._view.policy.rails.human_change_seconds
        return Asked(
            by_person=by_person,
            decided_at=decided,
            keep_off_seconds=0.0 if by_person else hold,
        )

    async def would_change(
        self, use: str, params: Mapping[str, Any], *, key: str
    ) -> Foreseen | None:
        """What an action by a person would change in the cluster; None where it is no action on
        one. Nothing is changed."""
        plugin = self._registry().plugins.get(use)
        if not isinstance(plugin, Action) or plugin.needs != KUBERNETES:
            return None
        try:
            asked = _params(plugin, params)
        except Permanent as wrong:
            return Foreseen(fails=str(wrong))
        return await foresee(self._kits, plugin, asked, key=key)

    async def _probe(self, command: Command, plugin: object) -> Mapping[str, Any]:
        if not isinstance(plugin, Action) or plugin.probe_function is None:
            raise Permanent(f"{command.use} has no probe")
        if plugin.effect is not Effect.PROBED:
            raise Permanent(f"{command.use} is not probed")
        params = _params(plugin, command.params, step=command.step)
        kit = self._kits.read(
            deadline_seconds=command.timeout_seconds,
            log_fields=_log_fields(command),
            use=plugin.name,
            rights=plugin.rights,
        )
        probed = await plugin.probe_function(kit, params, command.key)
        return {"probed": probed.value}

    async def _notify(self, command: Command) -> Mapping[str, Any]:
        if why := self._not_needed(command):
            return {WITHHELD: why}
        message = self._message(command)
        if command.use == LAST_RESORT:
            return {
                "receipt": await self._last_resort.write(
                    {"at": command.created_at, **vars(message)}
                )
            }
        plugin = self._registry().get(command.use)
        if not isinstance(plugin, Notifier):
            raise Permanent(f"{command.use} is no notifier")
        use = self._channels().get(str(command.params["channel"]))
        if use is None:
            raise Permanent(f"channel {command.params['channel']} is not configured any more")
        params = _params(plugin, use.params)
        kit = self._kits.notify(
            secrets=resolve_secrets(use),
            deadline_seconds=command.timeout_seconds,
            log_fields=_log_fields(command),
        )
        return {"receipt": await plugin.run(kit, params, message)}

    def _not_needed(self, command: Command) -> str:
        """Why nobody needs to be called any more: a page may have waited for its turn, and the
        world went on. What is not known is told."""
        case = self._view.incidents.get(command.subject)
        if command.params.get("telling", Telling.PAGE.value) != Telling.PAGE.value:
            return ""
        if case is None:
            return "it is over"
        if is_waiting(case):
            return ""
        return f"{case.acknowledged_by or 'somebody'} has it" if case.acknowledged_by else ""

    def _message(self, command: Command) -> Message:
        given = command.params
        link = self._view.link
        return Message(
            key=command.key,
            to=str(given["to"]),
            title=str(given["title"]),
            text=str(given["text"]),
            severity=str(given["severity"]),
            incident_id=command.subject,
            link=f"{link}/incidents/{command.subject}" if link else "",
            telling=Telling(given.get("telling", Telling.PAGE.value)),
            topic=str(given.get("topic", command.subject)),
            who=str(given.get("who", "")),
            asks=str(given.get("asks", "")),
        )


def _params(
    plugin: Action | Diagnostic | Verification | Notifier,
    given: Mapping[str, Any],
    *,
    step: str = "",
) -> Any:
    """Checked before anything is called. Raises Permanent, which names the step."""
    try:
        return plugin.params.model_validate(dict(given))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'with'}: {e['msg']}" for e in error.errors()
        )
        where = f"step {step} ({plugin.name})" if step else plugin.name
        raise Permanent(f"{where}: {wrong}") from None


def _log_fields(command: Command) -> dict[str, Any]:
    return {"incident": command.subject, "use": command.use, "command": command.id}
