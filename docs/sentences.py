"""What each key of the settings and of the policy, and each HTTP route, means for operators.

Printed into the reference by generate.py, which refuses a key without a sentence and a sentence
without a key.
"""

from __future__ import annotations

SETTINGS = {
    "data_dir": "Folder of all state: the store, promoted runbooks, supervised processes.",
    "listen": "Address and port. Anything but loopback wants `tokens_file`.",
    "link": "Base of the links on pages; follows from `listen` where it is left out.",
    "runbooks": "Folders with your runbooks.",
    "shipped_runbooks": "Whether the runbooks that come with Homeostat are loaded too.",
    "products": "Files or folders with `catalog-info.yaml` documents.",
    "policy": "Platform policy, written here. Either this or `policy_file`.",
    "policy_file": "Platform policy in a file of its own.",
    "tokens_file": "Who may do what, by token ([tokens](../operating/tokens.md)).",
    "plugins": "Folders with plugins of your site, beside the shipped ones.",
    "prometheus_url": "Where PromQL diagnostics ask, unless a runbook names another address.",
    "level_check": "How often the level sources are asked what is firing now.",
    "sources": "Stream and level sources to run. Push sources (HTTP) are always on.",
    "notify": "Channels by team. `default` serves teams without an entry; without it, terminal and "
    "file.",
    "log": "`level`: debug, info, warning, error. `format`: json or text.",
    "otlp_endpoint": "Where traces go, with the `otlp` extra.",
}
POLICY = {
    "platform": "Team that is paged for what is systemic and for what nobody owns.",
    "cooldown": "Least time between two automatic acts on one target.",
    "attempts_per_incident": "Most automatic acts in one incident.",
    "attempts_per_day": "Most automatic acts on one target in a day.",
    "page_hold": "How long a product page waits for a common cause, where the product shares one.",
    "release": "After a systemic incident ends, what still burns for so long goes to its builder.",
    "step_timeout": "Deadline of a step that names none.",
    "diagnose_timeout": "Deadline of a diagnostic that names none.",
    "verify_within": "How long proof of success may take, where a plan does not say.",
    "plan_age": "A step decided longer ago than this is not started any more.",
    "missed_heartbeats": "So many expected beats without one, and a sub-agent is silent.",
    "resolutions_needed": "So many like resolutions make a runbook proposal.",
    "temporary_retries": "How often a step that failed for the moment is tried again.",
    "page_retries": "How often a page that could not be delivered is tried again.",
    "probe_tries": "How often an action of unknown outcome is looked at.",
    "evaluation_interval": "How often the rules behind alerts are looked at: an alert outlives its "
    "cause by up to so long.",
    "group_interval": "How long Alertmanager may wait before it says that an alert of a group is "
    "over.",
    "longest_decay": "How long an alert is waited for at most because of what its own expression "
    "looks back: whoever sends an alert writes its expression. What a runbook says under `decay` "
    "or `within` may be longer. One that looks back longer and still fires at the end is "
    "inconclusive.",
    "windows": "Change windows by name, for `guard.window`: `{days, from, to, zone}`, the zone as "
    "in `Europe/Berlin`. A window that is not declared is closed.",
    "default_diagnostics": "By kind of entity, or `product`: what is looked at in every incident; "
    "`alert`: what is asked about every alert that no runbook takes, whosever it is.",
}

ROUTES = {
    "GET /-/healthy": "200 while the decision loop makes progress, else 503.",
    "GET /-/ready": "200 once everything open was loaded and sources run, else 503.",
    "POST /-/reload": "Reads runbooks, products, tokens and settings anew; of the settings "
    "`runbooks`, `shipped_runbooks`, `products`, `policy` and `notify` are taken over, and the "
    "others wait for a restart. Where a runbook's file has a fault, the last good version of that "
    "file stays and the others are taken over; with any other fault nothing is. Either way the "
    "answer is 500 with the faults.",
    "GET /metrics": "Prometheus text format ([metrics](metrics.md)).",
    "GET /api/v2/alerts": "Alerts that are firing now, as Alertmanager lists them.",
    "GET /api/v2/alerts/groups": "The same, grouped by incident.",
    "GET /api/v2/silences": "Silences, as Alertmanager lists them.",
    "POST /api/v2/silences": "Makes or changes a silence; `amtool silence add` works.",
    "GET /api/v2/silence/{id}": "One silence.",
    "DELETE /api/v2/silence/{id}": "Ends a silence.",
    "GET /api/v2/status": "Version and uptime, as Alertmanager says them.",
    "GET /api/v2/receivers": "Who is told, as Alertmanager lists it.",
    "GET /api/v1/incidents": "List. `?state=`, `?product=` and `?layer=` narrow it.",
    "GET /api/v1/incidents/{id}": "One, with alerts, findings, steps, pages and `timeline`.",
    "POST /api/v1/incidents/{id}/ack": "Acknowledge: it is yours, and nobody else is paged, "
    "unless the agent was at work on it and fails.",
    "POST /api/v1/incidents/{id}/resolve": "Resolve, with cause and actions taken.",
    "POST /api/v1/incidents/{id}/run": "Do one action through the agent.",
    "POST /api/v1/incidents/{id}/approve": "Let the prepared plan run.",
    "POST /api/v1/incidents/{id}/reject": "Do not let the prepared plan run.",
    "GET /api/v1/ledger": "Where each received alert ended; `balanced`: the sum is right.",
    "GET /api/v1/runbooks": "Loaded runbooks with their lifecycle state.",
    "GET /api/v1/products": "Products with builder, tier and their three layers.",
    "GET /api/v1/promotions": "Runbooks the rule of three proposes.",
    "GET /api/v1/promotions/{name}": "One proposal with its text and the incidents behind it.",
    "POST /api/v1/promotions/{name}/approve": "Make it `assisted` or `active`.",
    "POST /api/v1/promotions/{name}/reject": "Turn it down, with a reason.",
    "GET /api/v1/events": "Server-sent events: what changed, to be fetched anew.",
}

HTTP = """# HTTP

Served on `listen` (default 127.0.0.1:8420). With a token file every request carries
`Authorization: Bearer TOKEN`; without one only loopback is served, to the principal `local`, who
may acknowledge and resolve but not approve.

## For senders

{senders}

| answer | meaning |
|---|---|
| 200 | durable: it is on disk |
| 400 | cannot be read; the body is kept in quarantine |
| 401, 403 | not known, not allowed; said before the body is read |
| 413 | over 16 MiB; noted, and a level check begins at once: it is not sent again |
| 503 | cannot be stored now; send it again |

## For people and tools

{people}

`GET /` is the console.

## An incident as JSON

`id`, `state`, `layer`, `product`, `severity`, `radius` (routine, product, systemic), `runbook`,
`plan`, `verdict` (held, failed, inconclusive or null), `outcome` (healed, settled, routed or null),
`routed_to`, `opened_at`, `resolved_at` (RFC 3339), `alerts`, `pages` (each: `to`, `channel`, `at`,
`text`, `delivered`), `timeline` (each: `at`, `kind`, `reason`, `text`). States:
[lifecycle](lifecycle.md); reasons: [reasons](reasons.md).

## The ledger

`received` is the sum of `open`, `duplicate`, `suppressed`, `absorbed`, `routed`, `cleared` (gone by
itself before anything was done) and `quarantined`; `balanced` says whether it is.
"""
