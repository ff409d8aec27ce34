"""The one line that stands first: what would happen, and because of what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.interface.cli.explained_plans import NOT_BEFORE_DIAGNOSIS

Found = Mapping[str, Any]


def would(found: Found) -> dict[str, str]:
    """`do`: quiet, heal, ask, settle or page; `text`: the same as a sentence without a subject."""
    quiet = found["quiet"]["now"]
    if quiet is not None:
        until = f" until {quiet['until'][:19]}Z" if quiet["until"] else ""
        return _told("quiet", f"would tell nobody{until}: {quiet['by']} ({quiet['text']})")
    if found["runbook"] is None:
        return _page(found, found["why"])
    choices = list(_choices(found))
    if not choices:
        return _page(found, "no row of its decide table leads to a plan")
    runs = [choice for choice in choices if _does(choice[0]) and not _blocked(choice[0])]
    return _by(found, *(runs or choices)[0])


def _does(plan: Found) -> bool:
    """Whether it is anything but telling people."""
    return bool(plan["steps"]) or bool(plan["settles"])


def _choices(found: Found) -> Iterator[tuple[Found, str]]:
    """Plans that the decide table may lead to, with the condition that only diagnosis settles."""
    plans = {plan["plan"]: plan for plan in found["plans"]}
    if not found["decide"]:
        yield from ((plan, "") for plan in list(plans.values())[:1])
    for row in found["decide"]:
        if row["truth"] in ("false", "unknown"):
            continue
        if row["then"].removeprefix("plan ") in plans:
            waits = row["truth"] == NOT_BEFORE_DIAGNOSIS
            yield plans[row["then"].removeprefix("plan ")], row["when"] if waits else ""
        elif row["truth"] == NOT_BEFORE_DIAGNOSIS:
            continue
        else:
            yield {"plan": row["then"], "settles": row["then"] != "tell people", "steps": [],
                   "why": row["why"]}, ""  # fmt: skip
        if row["truth"] == "true":
            return


def _blocked(plan: Found) -> Found | None:
    """The step that something stops which neither waiting nor a person's yes helps."""
    return next((s for s in plan["steps"] if s["stopped_by"] and not s["asks"]), None)


def _by(found: Found, plan: Found, condition: str) -> dict[str, str]:
    name = found["runbook"]["name"]
    where = f", where diagnosis finds {condition}" if condition else ""
    stop = _blocked(plan)
    if stop is not None:
        return _page(found, f"{stop['text']} (plan {plan['plan']} of {name})")
    if plan["plan"] == "tell people":
        return _page(found, plan["why"] or f"{name} says that a person must look")
    if plan["settles"]:
        return _told("settle", f"would wait and do nothing by {name}: {plan['plan']}{where}")
    asks = next((step for step in plan["steps"] if step["asks"]), None)
    if asks is not None:
        team = found["route"]["to"]
        return _told(
            "ask", f"would ask {team} to approve plan {plan['plan']} of {name}{where}: "
            f"{asks['text']}",
        )  # fmt: skip
    steps = ", ".join(
        f"{s['use']} on {s['target'] or 'what diagnosis finds'}" for s in plan["steps"]
    )
    waits = next((text for step in plan["steps"] for text in step["waits"]), "")
    later = f"; first it waits: {waits}" if waits else ""
    return _told("heal", f"would heal by {name}: plan {plan['plan']} ({steps}){where}{later}")


def _page(found: Found, why: str) -> dict[str, str]:
    route = found["route"]
    first = f" ({route['first']} first)" if route["first"] != route["to"] else ""
    return _told("page", f"would page {route['to']}{first}, because {why}")


def _told(do: str, text: str) -> dict[str, str]:
    return {"do": do, "text": text}
