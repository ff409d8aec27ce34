"""What each key of the settings and of the policy, and each HTTP route, means for operators.

Printed into the reference by generate.py, which refuses a key without a sentence and a sentence
without a key.
"""

from __future__ import annotations

SETTINGS = {
    "data_dir": "Folder of all state: the store, promoted runbooks, supervised processes.",
    "halt_files": "Further files that set the kill switch. Each has to be there and to say `off` "
    "(or `run`); one that is missing, empty, unreadable or says anything else halts. The file "
    "`HALT` in `data_dir` halts by being there ([kill switch](../operating/kill-switch.md)).",
    "listen": "Address and port. Anything but loopback wants `tokens_file`.",
    "link": "Base of the links on pages; follows from `listen` where it is left out.",
    "runbooks": "Folders with your runbooks.",
    "shipped_runbooks": "Whether the runbooks that come with Homeostat are loaded too.",
    "products": "Files or folders with `catalog-info.yaml` documents.",
    "on_call": "Files with rotations, people and ladders (`kind: OnCall`), checked as one set "
    "([on call](../operating/on-call.md)).",
    "policy": "Platform policy, written here. Either this or `policy_file`.",
    "policy_file": "Platform policy in a file of its own.",
    "learning": "Where an approved runbook is written: `folder`, and where that is in a git work "
    "tree, `branch`, `push`, `request`. Without it, it stays in `data_dir`.",
    "agent": "The agent itself as a member of the machinery: `name`, `owner`, `review_by` and "
    "`retire` (last days), and its `objective` over a `window` with its `latency`. Where it misses "
    "them it only advises ([the agent itself](../operating/the-agent-itself.md)).",
    "survey": "The daily look for blind spots: `every`, how long after the start the `first` is, "
    "how far `lookback` a metric counts as reported, how many `incidents` nobody acted on are too "
    "many, and how far back the `past` is looked through ([blind spots](../blindspots.md)).",
    "tokens_file": "Who may do what, by token ([tokens](../operating/tokens.md)).",
    "plugins": "Folders with plugins of your site, beside the shipped ones.",
    "prometheus_url": "Where PromQL diagnostics ask, unless a runbook names another address.",
    "kubernetes": "The cluster to watch and to act on; `{}` inside of it. Without it there is none "
    "([in a cluster](../operating/kubernetes.md)).",
    "allowed_hosts": "Hosts inside your network that an address computed from an alert may lead "
    "to: names, `*.domain`, addresses, networks. What you wrote yourself needs no entry.",
    "level_check": "How often the level sources are asked what is firing now.",
    "sources": "Stream and level sources to run. Push sources (HTTP) are always on.",
    "notify": "Channels by team ([notifiers](../operating/notifiers.md)). `default` serves teams "
    "without an entry; without it, terminal and file. `fallback` is told where nobody else was "
    "reached.",
    "slack_signing_secret": "What Slack signs its buttons with (`{file: PATH}` or `{env: NAME}`); "
    "without it `POST /webhook/slack` takes nothing ([tokens](../operating/tokens.md)).",
    "log": "`level`: debug, info, warning, error. `format`: json or text.",
    "otlp_endpoint": "Where traces go, with the `otlp` extra.",
}
POLICY = {
    "platform": "Team that is paged for what is systemic and for what nobody owns.",
    "cooldown": "Least time between two automatic acts on one target.",
    "attempts_per_incident": "Most automatic acts in one incident.",
    "attempts_per_day": "Most automatic acts on one target in a day.",
    "page_hold": "How long a page waits for a common cause, where one could still show. What "
    "people were told of lately, and what went away and comes back, waits `release`, until it "
    "stays (where it is critical, `page_hold`).",
    "release": "After a systemic incident ends, what still burns for so long goes to its builder.",
    "step_timeout": "Deadline of a step that names none.",
    "diagnose_timeout": "Deadline of a diagnostic that names none.",
    "verify_within": "How long proof of success may take, where a plan does not say.",
    "plan_age": "A step decided longer ago than this is not started any more.",
    "missed_heartbeats": "So many expected beats without one, and a sub-agent is silent.",
    "drift_window": "No window of a sub-agent's work is shorter, however soon a drift is to be "
    "found.",
    "resolutions_needed": "So many like resolutions make a runbook proposal.",
    "temporary_retries": "How often a step that failed for the moment is tried again.",
    "page_retries": "How often a page that could not be delivered is tried again.",
    "ack": "How long a team without a ladder has to acknowledge, where any ladder is declared.",
    "probe_tries": "How often an action of unknown outcome is looked at.",
    "evaluation_interval": "How often the rules behind alerts are looked at: an alert outlives its "
    "cause by up to so long.",
    "group_interval": "How long Alertmanager may wait before it says that an alert of a group is "
    "over.",
    "longest_decay": "How long an alert is waited for at most because of what its own expression "
    "looks back: whoever sends an alert writes its expression. What a runbook says under `decay` "
    "or `within` may be longer. One that looks back longer and still fires at the end is "
    "inconclusive.",
    "edge_stale": "A dependency that was only seen, and not for so long, is in doubt.",
    "edge_confidence": "A dependency of less confidence is in doubt: it widens a blast radius, and "
    "never narrows one.",
    "windows": "Change windows by name, for `guard.window`: `{days, from, to, zone}`, the zone as "
    "in `Europe/Berlin`; with dates (`2026-11-26T00:00`) once; or `{ics, zone}`, the events of a "
    "calendar file. A window that is not declared is closed.",
    "freezes": "Times in which nothing is changed, by the agent or through it: `name`, a time as "
    "in `windows`, `products` (all where left out), `allows` (runbooks that run all the same), "
    "`why`. What was begun may still be taken back.",
    "maintenance": "Planned silences: `name` and a time as in `windows`, `matchers` as "
    "Alertmanager's or `products`, `why`. What still burns at the end is taken up.",
    "inhibit_rules": "While an alert that agrees with `source_matchers` fires, one that agrees "
    "with `target_matchers` needs nobody, where the labels in `equal` are the same; as "
    "Alertmanager's.",
    "group_by": "Labels that tell incidents apart besides layer, product, alert name and entity; "
    "`...` is every label.",
    "rails": "Limits of what is done by itself.",
    "learning": "What may be learned from what people do, and how much proof it needs.",
    "default_diagnostics": "By kind of entity, or `product`: what is looked at in every incident; "
    "`alert`: what is asked about every alert that no runbook takes, whosever it is.",
}

RAILS = {
    "max_targets": "Most targets of one step.",
    "per_domain": "Acts of one kind under way in one failure domain; where that is not known, in "
    "one product.",
    "per_product": "Acts under way in one product.",
    "per_fleet": "Acts under way in all.",
    "share_per_hour": "Share of a product's services, agents and resources that may be acted on "
    "within an hour; one always may.",
    "rate_per_minute": "Acts a minute, once the burst is used up.",
    "rate_burst": "So many acts at once after a quiet time.",
    "storm_rate_per_minute": "Acts of people a minute in a storm; the agent does nothing then.",
    "cooldown_longest": "A cooldown doubles with each run in a row on a target that did not help "
    "for long, up to this.",
    "dwell": "An alert is acted on once it has fired for so long, and over one more evaluation of "
    "its rule (`evaluation_interval`).",
    "signal_age": "A source that can be asked has said so long ago at most that it still fires.",
    "human_change": "After somebody changed the target by hand, it is left alone for so long.",
    "product_sick_share": "So large a share of a product's targets sick, and at least "
    "`product_sick_least`: a storm of the product.",
    "product_sick_least": "So many sick targets at least make a storm of a product.",
    "fleet_sick_share": "So large a share of all products sick, and at least `fleet_sick_least`: "
    "a storm of the fleet.",
    "fleet_sick_least": "So many sick products at least make a storm of the fleet.",
    "fleet_new_per_minute": "More new incidents within a minute are a storm of the fleet.",
    "storm_quiet": "A storm is over once it was quiet for so long.",
    "storm_half": "After a storm half as much is done as otherwise, for so long.",
    "floor": "What stays up of what does one job, whatever is done: `{count, share}`.",
    "breaker_in_a_row": "So many runs of one action in one runbook in a row without proof, and its "
    "circuit breaker opens.",
    "breaker_share": "So does a larger share than this of the latest `breaker_window` runs.",
    "breaker_window": "So many latest runs are looked at for `breaker_share`.",
    "breaker_open": "An open breaker lets nothing through for so long, then one try.",
    "breaker_locks_after": "So many openings within a day, and only a person closes it.",
    "relapse": "What was healed and fires again so soon was not healed.",
    "flapping_turns": "So many turns within `flapping` are flapping: nothing is done about it.",
    "flapping": "Time in which turns are counted.",
    "chain_depth": "So many acts of the agent may lead to each other; then all of them stop.",
    "chain": "An act so short a time ago, on the same thing or next to it, is taken for the cause.",
    "reversal": "Two runbooks that pull one target in opposite ways within so long are in "
    "conflict.",
    "wip_per_product": "Plans in hand in one product: acting, or their proof still out.",
    "wip_per_fleet": "Plans in hand in all.",
    "wait": "So long a step waits for a limit that lets go by itself, before a person is told; "
    "the dwell is not counted.",
    "blind": "A source that said nothing for so long may be gone: nothing is done about its "
    "alerts.",
    "cluster_age": "A cluster was seen as it is so long ago at most; a quiet one says every minute "
    "that nothing changed.",
    "watchdog": "Name of the alert that always fires, as a sign that its source lives.",
    "approval": "So long an approval is good.",
    "normal_window": "Change window in which changes of normal risk run by themselves; empty: at "
    "any time.",
}

LEARNING = {
    "proof": "An act of people is credited where the symptom went away so soon after it, and as "
    "long as its alert looks back.",
    "same": "Like incidents on one target within so long count as one.",
    "people": "So many different people at least resolved its incidents or approve a runbook.",
    "chance": "Made active at once only where recoveries so soon after the acts would be less "
    "likely than this, had the acts had nothing to do with them.",
    "spread": "And only where whole incidents differ in length by so much (coefficient of "
    "variation): what always lasts equally long may simply end by itself then.",
    "at_once": "And only where so many incidents, resolved alike or healed by it since, were of "
    "one kind: three may have one of two causes by chance.",
    "confidence": "How sure the proof has to be that a runbook is as good as its tier asks.",
    "quality_low": "Share of good runs that is asked of a runbook of tier low before it runs by "
    "itself: with the default and `confidence`, 20 of 20.",
    "quality_medium": "The same of tier medium: 59 of 59. Tier high never runs by itself.",
    "failing_low": "Share of runs that tier low allows to fail. Where the latest runs are unlikely "
    "(below 5 %) under that, the runbook is suspended: two bad ones in seven.",
    "failing_medium": "The same of tier medium.",
    "failing_high": "The same of tier high.",
    "window": "So many of the latest runs are looked at for that.",
    "early": "A runbook in shadow that would have acted so long before people did would have been "
    "too early.",
    "review_days": "So many days after it was proposed, a learned runbook has to be read again.",
}

ROUTES = {
    "GET /-/healthy": "200 while the decision loop makes progress and every page of an open, "
    "unacknowledged incident reached some channel, else 503. Further lines name ladders that are "
    "at their end.",
    "GET /-/alive": "200 while the decision loop makes progress, else 503: a restart may help. For "
    "kubelets, which hold no token.",
    "GET /-/ready": "200 once everything open was loaded and sources run, else 503.",
    "POST /-/reload": "Reads runbooks, products, tokens and settings anew; of the settings "
    "`runbooks`, `shipped_runbooks`, `products`, `policy`, `notify`, `on_call`, `learning` and "
    "`agent` are taken over, and the others wait for a restart. Where a runbook's file has a "
    "fault, the last good version of that file stays and the others are taken over; with any other "
    "fault nothing is. Either way the answer is 500 with the faults.",
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
    "GET /api/v1/on-call": "Who is on call and until when, each team's ladder with channels, and "
    "the gaps of the next 14 days. `?at=` asks about another time.",
    "POST /api/v1/incidents/{id}/ack": "Acknowledge: it is yours, and nobody else is paged, "
    "unless the agent was at work on it and fails.",
    "POST /api/v1/incidents/{id}/resolve": "Resolve: `cause`, `kind` of cause, the `steps` that "
    "mattered, what was done elsewhere (`told`: `use`, `with`, `at`), `actions` in words, "
    "`minutes`, `page_useful`. `learning` of the answer says what follows.",
    "POST /api/v1/incidents/{id}/run": "Do one action (`use`, `with`) through the agent; with "
    "`preview` only tell what would run, what would stop it and how it is verified. With the "
    "preview's `fingerprint` nothing else runs than what was shown.",
    "POST /api/v1/incidents/{id}/approve": "Let the plan that waits run (of this `fingerprint`).",
    "POST /api/v1/incidents/{id}/reject": "Do not let the prepared plan run.",
    "GET /api/v1/halt": "The kill switch: `on`, since when, who set it and why, and what each file "
    "says.",
    "POST /api/v1/halt": "Sets the kill switch, with a reason: no new act begins, within 1 s. Set "
    "again, it stays as it was.",
    "POST /api/v1/unhalt": "Lifts it, with a reason. Refused while a file still says on.",
    "GET /api/v1/self": "The agent itself: who answers for it, its dates, its objective, what is "
    "left of its error budget and what spent it, and whether it acts or only advises.",
    "POST /api/v1/self/review": "Somebody looked at what it did wrong, and says so (`why`): its "
    "count begins anew. A date that has passed is only moved in the settings.",
    "GET /api/v1/breakers": "Circuit breakers of remedies, one for each action in each runbook: "
    "closed, open, half open (one incident may try) or locked, with the latest results.",
    "POST /api/v1/breakers/reset": "Closes the breaker `key`, with a reason (`why`): the remedy "
    "may run again, and what it remembers is forgotten.",
    "GET /api/v1/ledger": "Where each received alert ended; `balanced`: the sum is right.",
    "GET /api/v1/absorbed": "How much needed no person, of the last `?weeks=` (12) and of one "
    "`?product=`: by week and product, of incidents and of alerts, with the trend, and the "
    "families of alerts that would absorb most next.",
    "GET /api/v1/runbooks": "Loaded runbooks: `state` by their file, and under `standing` the "
    "state in force, the trials that count (`good`, `of`, `needed`), the latest runs, and why one "
    "is suspended and what brings it back.",
    "GET /api/v1/runbooks/{name}": "One of them with its latest trials and what it relies on.",
    "POST /api/v1/runbooks/{name}/suspend": '`{"why"}`: it does nothing any more, and its owner '
    "is told.",
    "POST /api/v1/runbooks/{name}/resume": '`{"why"}`: a suspended one runs again as far as its '
    "file says; its count begins anew.",
    "GET /api/v1/products": "Products with builder, tier and their three layers.",
    "GET /api/v1/members": "Sub-agents and proxies: what they declare, what they said last, "
    "whether they drift, and what is wrong with each ([machinery](../machinery.md)).",
    "GET /api/v1/members/{name}": "The same of one, with what it said besides.",
    "GET /api/v1/slos": "Objectives with what is left of their error budgets, how fast these are "
    "spent, and since when nothing is left or known. `?product=` narrows it.",
    "GET /api/v1/outcomes": "Leadership metrics: the last reading, whether it moves, stalls or "
    "that is not known, and since when; where it stalls, what changed shortly before. "
    "`?product=`: of one, with its series ([outcomes](../outcomes.md)).",
    "GET /api/v1/changes/releases": "Of each product how many releases came to an end, how many of "
    "them failed or were rolled back, and the latest of those: of the last `?since=` (30d), of one "
    "`?product=` ([changes](../changes.md#releases-that-failed)).",
    "GET /api/v1/changes": "What was changed on purpose, newest first, at most 500: of the last "
    "`?since=` (24h), of one `?product=` or `?entity=` ([changes](../changes.md)).",
    "GET /api/v1/incidents/{id}/record": "The post-incident record; `?format=md`: as Markdown.",
    "GET /api/v1/near-misses": "Harm that did not come about: stopped by a guard, or only looked "
    "on by a runbook in shadow. Newest first.",
    "GET /api/v1/drivers": "What people are called for and what takes their time: families and "
    "causes, ranked, beside the period before. `?since=`: how far to look back, `90d` where it is "
    "left out.",
    "GET /api/v1/cluster": "Whether a cluster is connected and seen whole, if not why; each "
    "workload "
    "with its pods, rollouts, alerts, who keeps and who edited it; and what belongs to nobody. "
    "`?product=` narrows it.",
    "GET /api/v1/blindspots": "What would break unseen, each with owner and remedy, and when it "
    "was last looked. `?all=true`: also what is gone; `?product=` narrows it.",
    "POST /api/v1/blindspots/survey": "Looks now, and answers as the GET does; `looking` says that "
    "it still does.",
    "GET /api/v1/backlog": "What the signals of each product cost people and the agent, and what "
    "would end that, dearest first. `?product=` and `?since=` (90d) narrow it.",
    "GET /api/v1/follow-ups": "What is to be done after incidents, overdue first. "
    "`?overdue=true`, `?done=false` and `?incident=` narrow it.",
    "POST /api/v1/follow-ups": "Writes one down: `incident`, `what`, `owner` (a team or a person) "
    "and `due` (a date or a time).",
    "POST /api/v1/follow-ups/{id}": "Changes `what`, `owner` or `due`.",
    "POST /api/v1/follow-ups/{id}/done": "It is done.",
    "POST /api/v1/follow-ups/{id}/reopen": "It is not done after all.",
    "GET /api/v1/promotions": "Runbooks the rule of three proposes.",
    "GET /api/v1/promotions/{name}": "One proposal with its text, the incidents behind it, its "
    "back-test, and whether whoever asks may decide it.",
    "POST /api/v1/promotions/{name}/answer": "What the parameter `param` (`step.name`) has to be: "
    "`value`.",
    "POST /api/v1/promotions/{name}/approve": "Make it `assisted` or `active`.",
    "POST /api/v1/promotions/{name}/reject": "Turn it down, with a reason.",
    "POST /webhook/slack": "A pressed button of a page in Slack: acknowledge, approve or reject, "
    "as the principal whose `slack_user` it was ([tokens](../operating/tokens.md)).",
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

## Roles

What each role by itself may do; `admin` is all of them, `local` is whoever reaches loopback where
there is no token file. ● may; ○ may, for the products the principal is limited to; ◆ may where it
is not limited to any; – may not.

{roles}

## An incident as JSON

`id`, `state`, `layer`, `product`, `severity`, `radius` (routine, product, systemic), `runbook`,
`plan`, `verdict` (held, failed, inconclusive or null), `outcome` (healed, settled, routed or null),
`routed_to`, `opened_at`, `resolved_at` (RFC 3339), `alerts`, `pages` (each: `to`, `channel`, `at`,
`text`, `delivered`), `timeline` (each: `at`, `kind`, `reason`, `text`). States:
[lifecycle](lifecycle.md); reasons: [reasons](reasons.md).

How far it reaches: `suspect`, `radius_path`, `radius_edges` (with kind, confidence and age),
`radius_doubt`, `storm`, `held_by`, `holds`. Who is told: `climb` (the ladder's `rungs`, `at`,
`due`). What it asks of people: `risk`, `approval` (the exact steps with their parameters, and who
agreed). What came before: `caused_by`, `chain`, `is_flapping`. `why` answers `radius`, `route`,
`action` and `not`, each in parts with `at`, `reason`, `text` and, of a rail that said no, `rail`
and `remedy`.

## The ledger

`received` is the sum of `open`, `duplicate`, `suppressed`, `absorbed`, `routed`, `cleared` (gone by
itself before anything was done) and `quarantined`; `balanced` says whether it is.
"""
