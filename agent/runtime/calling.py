"""One command to one plugin call: the right kit, checked parameters, a plain value back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from agent.catalog.settings import Use, resolve_secrets
from agent.model.command import Command, CommandKind
from agent.model.effect import Effect
from agent.model.errors import Permanent
from agent.ports.plugin import Action, Diagnostic, Message, Notifier, Verification
from agent.runtime.kit import Kits
from agent.runtime.registry import PluginRegistry

Channels = Callable[[], Mapping[str, Use]]


class Calling:
    """Implements the outbox's `Runner`."""

    def __init__(
        self, *, registry: Callable[[], PluginRegistry], kits: Kits, channels: Channels, link: str
    ) -> None:
        self._registry, self._kits, self._channels = registry, kits, channels
        self._link = link

    async def call(self, command: Command) -> Mapping[str, Any]:
        """The result of the plugin as plain data. Raises what the plugin raises."""
        plugin = self._registry().get(command.use)
        if command.kind is CommandKind.NOTIFY:
            return await self._notify(command, plugin)
        if command.kind is CommandKind.PROBE:
            return await self._probe(command, plugin)
        if command.kind is CommandKind.ACT:
            return await self._act(command, plugin)
        if not isinstance(plugin, Diagnostic | Verification):
            raise Permanent(f"{command.use} is no diagnostic")
        params = _params(plugin, command.params, step=command.step)
        kit = self._kits.read(
            deadline_seconds=command.timeout_seconds, log_fields=_log_fields(command)
        )
        result = await plugin.run(kit, params)
        return result.model_dump(mode="json")

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
        )
        return await plugin.run(kit, params)

    async def _probe(self, command: Command, plugin: object) -> Mapping[str, Any]:
        if not isinstance(plugin, Action) or plugin.probe_function is None:
            raise Permanent(f"{command.use} has no probe")
        if plugin.effect is not Effect.PROBED:
            raise Permanent(f"{command.use} is not probed")
        params = _params(plugin, command.params, step=command.step)
        kit = self._kits.read(
            deadline_seconds=command.timeout_seconds, log_fields=_log_fields(command)
        )
        probed = await plugin.probe_function(kit, params, command.key)
        return {"probed": probed.value}

    async def _notify(self, command: Command, plugin: object) -> Mapping[str, Any]:
        if not isinstance(plugin, Notifier):
            raise Permanent(f"{command.use} is no notifier")
        use = self._channels().get(str(command.params["channel"]))
        if use is None:
            raise Permanent(f"channel {command.params['channel']} is not configured any more")
        params = _params(plugin, use.params)
        message = Message(
            key=command.key,
            to=str(command.params["to"]),
            title=str(command.params["title"]),
            text=str(command.params["text"]),
            severity=str(command.params["severity"]),
            incident_id=command.subject,
            link=f"{self._link}/incidents/{command.subject}" if self._link else "",
        )
        kit = self._kits.notify(
            secrets=resolve_secrets(use),
            deadline_seconds=command.timeout_seconds,
            log_fields=_log_fields(command),
        )
        return {"receipt": await plugin.run(kit, params, message)}


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
