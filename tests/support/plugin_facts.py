"""What core is told of the plugins of the small world."""

from __future__ import annotations

from agent.model.policy import PluginFacts

PLUGINS = {
    p.name: p
    for p in (
        PluginFacts(name="process.restart", kind="action", effect="idempotent"),
        PluginFacts(name="process.rollback", kind="action", effect="conditional"),
        PluginFacts(
            name="process.flush",
            kind="action",
            effect="probed",
            reversal="snapshot",
            has_probe=True,
        ),
        PluginFacts(name="process.pull", kind="action", effect="opaque"),
        PluginFacts(name="process.status", kind="diagnostic"),
        PluginFacts(name="process.log", kind="diagnostic"),
    )
}
