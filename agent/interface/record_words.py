"""The record of an incident in sentences: as plain text, and as Markdown that can be pasted.

Everything that comes from outside is data: no control character gets through, and in Markdown every
character that could mean something is escaped, so that a label cannot become a link, a heading or
HTML, and no name at the beginning of a word calls anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agent.core.cleaning import clean_text

LONGEST = 2000
MEANING = re.compile(r"([\\`*_{}\[\]<>#|~!&$])")
CALLS = re.compile(r"(?<![\w.])@(?=\w)")
ADDRESS = re.compile(r"(\bwww)\.", re.IGNORECASE)
OPENS = re.compile(r"^(\s*)([-+=]|\d+[.)])")
"""What would begin a list or a heading at the start of a line."""
NO_NAME = "\u200b"
"""Between an at sign and a name: the reader sees the same, and no service calls anybody."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    lines: tuple[str, ...]
    is_ordered: bool = False


def as_markdown(record: Mapping[str, Any]) -> str:
    parts = [f"# {escaped(heading(record))}", ""]
    parts += [escaped(line) + "\n" for line in introduction(record)]
    for section in sections(record):
        parts += [f"## {escaped(section.title)}", ""]
        for number, line in enumerate(section.lines, start=1):
            mark = f"{number}." if section.is_ordered else "-"
            parts.append(f"{mark} {escaped(line)}")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def as_text(record: Mapping[str, Any]) -> str:
    parts = [safe(heading(record)), *map(safe, introduction(record))]
    for section in sections(record):
        parts += ["", safe(section.title), *(f"  {safe(line)}" for line in section.lines)]
    return "\n".join(parts)


def safe(text: object) -> str:
    """One line without control characters."""
    return clean_text(str(text), longest=LONGEST)[0]


def escaped(text: object) -> str:
    """The text, which Markdown shows as it is."""
    line = MEANING.sub(r"\\\1", safe(text))
    line = OPENS.sub(lambda m: f"{m[1]}{m[2][:-1]}\\{m[2][-1]}", line)
    # Some make links of addresses that stand in the text as they are.
    line = ADDRESS.sub(r"\1\\.", line.replace("://", ":\\//"))
    return CALLS.sub(f"@{NO_NAME}", line)


def heading(record: Mapping[str, Any]) -> str:
    draft = "Preliminary record" if record["preliminary"] else "Record"
    return f"{draft} of {record['incident']}: {record['title']}"


def introduction(record: Mapping[str, Any]) -> tuple[str, ...]:
    """What it was and how it ended, in a paragraph."""
    hit, seen = record["impact"], record["detection"]
    about = hit["product"] or hit["entity"] or "something that is not in the catalog"
    words = [
        f"On {moment(hit['began_at'])} the alert {seen['alert'] or 'without a name'} began; "
        f"it was about {about}, severity {hit['severity'] or 'not given'}."
    ]
    if record["preliminary"]:
        words.append(f"It is not over: {record['state'].replace('_', ' ')}.")
    elif record["outcome"] == "healed":
        words.append(f"The agent healed it; it lasted {spoken(hit['seconds'])}.")
    elif record["outcome"] == "settled":
        words.append(f"It settled by itself, as expected, within {spoken(hit['seconds'])}.")
    else:
        words.append(f"It lasted {spoken(hit['seconds'])}.")
    cause = record["cause"]
    if cause["words"] or cause["kind"] != "unknown":
        words.append(
            f"Cause ({cause['kind'].replace('_', ' ')}): {_bare(cause['words']) or 'no words'}."
        )
    return (" ".join(words), f"Written {moment(record['made_at'])}. All times are UTC.")


def sections(record: Mapping[str, Any]) -> tuple[Section, ...]:
    """In the order they are read; each says so where there is nothing to tell."""
    found = [
        ("Impact", _impact(record), "Nothing is known of its impact."),
        ("Detection", _detection(record), "Nothing is known of how it was noticed."),
        ("What the agent found", _found(record), "Nothing was looked at."),
        ("What the agent did", _agent(record), "It did nothing."),
        ("What people did", _people(record), "Nobody did anything that was told."),
        ("What was tried in vain", record["in_vain"], "Nothing."),
        ("Cause", _cause(record), "Nobody has said what the cause was."),
        ("What is not known", record["unknown"], "Nothing that the record would miss."),
        ("Follow-ups", list(_follow_ups(record)), "None are written down."),
        ("Near misses", [n["text"] for n in record["near_misses"]], "None."),
        (
            "What happened, in order",
            [f"{moment(line['at'])}: {line['text']}" for line in record["timeline"]],
            "Nothing.",
        ),
    ]
    return tuple(
        Section(title=title, lines=tuple(lines) or (nothing,)) for title, lines, nothing in found
    )


def _impact(record: Mapping[str, Any]) -> list[str]:
    hit = record["impact"]
    until = moment(hit["ended_at"]) if hit["ended_at"] else "now, and it is not over"
    words = [
        f"From {moment(hit['began_at'])} until {until}: {spoken(hit['seconds'])}.",
        f"Severity {hit['severity'] or 'not given'}, layer {hit['layer']}"
        + (f", blast radius {hit['radius']}." if hit["radius"] else "."),
    ]
    if hit["suspect"]:
        words.append(f"What is taken for its origin: {hit['suspect']}.")
    if hit["products_affected"]:
        words.append(f"Products hit: {', '.join(hit['products_affected'])}.")
    if hit["parts_affected"]:
        shown = len(hit["products_affected"]) + len(hit["parts_affected"])
        more = hit["affected_count"] - shown
        rest = f" and {more} more" if more > 0 else ""
        words.append(f"These depend on what was broken: {', '.join(hit['parts_affected'])}{rest}.")
    if hit["pages"]:
        calls = "once" if hit["pages"] == 1 else f"{hit['pages']} times"
        words.append(f"People were called {calls}: {', '.join(hit['people_told'])}.")
    else:
        words.append("Nobody was called.")
    return words


def _detection(record: Mapping[str, Any]) -> list[str]:
    seen = record["detection"]
    if seen["alert"] is None:
        return []
    words = [
        f"The alert {seen['alert']} of {seen['source'] or 'an unnamed source'} was the first, "
        f"in the layer {seen['layer']}.",
        f"From its beginning to the incident: {spoken(seen['seconds_to_incident'])}.",
    ]
    if seen["seconds_to_page"] is not None:
        words.append(f"From the incident to the first page: {spoken(seen['seconds_to_page'])}.")
    if seen["acknowledged_by"]:
        words.append(
            f"Until {seen['acknowledged_by']} took it: "
            f"{spoken(seen['seconds_to_acknowledgement'])}."
        )
    elif seen["first_page_at"]:
        words.append("Nobody acknowledged it.")
    return words


def _found(record: Mapping[str, Any]) -> list[str]:
    return [f"{found['id']}: {found['text'] or 'nothing'}" for found in record["found"]]


def _agent(record: Mapping[str, Any]) -> list[str]:
    did = record["agent"]
    words = [f"The runbook {did['runbook']} was the one for it."] if did["runbook"] else []
    for step in did["steps"]:
        back = " to take it back" if step["is_rollback"] else ""
        detail = f" ({step['detail']})" if step["detail"] else ""
        words.append(
            f"{moment(step['at'])}: {_on(step)}{back}: {step['result'] or 'under way'}{detail}."
        )
    for run in did["plans"]:
        if run["verdict"]:
            because = f" ({run['why']})" if run["why"] else ""
            words.append(f"The proof of the plan {run['plan']}: {run['verdict']}{because}.")
    for stop in did["stopped_by"]:
        rail = f" by the guard {stop['rail']}" if stop.get("rail") else ""
        words.append(f"{moment(stop['at'])}: it was stopped{rail}: {_bare(stop['text'])}.")
    return words


def _on(step: Mapping[str, Any]) -> str:
    return f"{step['use']} on {step['target']}" if step["target"] else str(step["use"])


def _people(record: Mapping[str, Any]) -> Iterator[str]:
    for row in record["people"]:
        at = f"{moment(row['at'])}: " if row["at"] else "At a time nobody said: "
        result = f": {row['result']}" if row["result"] else ""
        told = " (told, not seen)" if row["mark"] == "told" else ""
        yield f"{at}{row['who']}: {row['what']}{result}{told}."


def _cause(record: Mapping[str, Any]) -> list[str]:
    cause = record["cause"]
    words = []
    if cause["words"] or cause["kind"] != "unknown":
        by = f", said by {cause['said_by']}" if cause["said_by"] else ""
        kind = cause["kind"].replace("_", " ")
        words.append(f"Kind {kind}{by}: {_bare(cause['words']) or 'no words'}.")
    if cause["credit_why"]:
        helped = "Credited" if cause["credit"] == "credited" else "Not credited"
        words.append(f"{helped} to what people did: {_bare(cause['credit_why'])}.")
    if cause["minutes"] is not None:
        words.append(f"It took {cause['minutes']:.0f} minutes of people's time.")
    if cause["page_useful"] is not None:
        said = "was needed" if cause["page_useful"] else "was not needed"
        words.append(f"Whoever was called {said}.")
    return words


def _follow_ups(record: Mapping[str, Any]) -> Iterator[str]:
    """Overdue ones first."""
    for one in by_urgency(record["follow_ups"]):
        if one["is_done"]:
            state = f"done by {one['done_by']} on {one['done_at'][:10]}"
        elif one["is_overdue"]:
            state = f"OVERDUE since {one['due_at'][:10]}"
        else:
            state = f"due {one['due_at'][:10]}"
        yield f"{one['id']}: {one['what']} (owner {one['owner']}, {state})"


def by_urgency(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Overdue first, then what is due, then what is done."""
    return sorted(rows, key=lambda r: (r["is_done"], not r["is_overdue"], r["due_at"], r["id"]))


def _bare(text: str) -> str:
    return text.rstrip(". ")


def moment(text: str) -> str:
    """`2026-01-31 09:00:05 UTC` of an RFC 3339 time."""
    return f"{text[:10]} {text[11:19]} UTC"


def spoken(seconds: float) -> str:
    """A duration for people: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        hours, rest = divmod(whole, 3600)
        return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"
    days, rest = divmod(whole, 86_400)
    return f"{days} d {rest // 3600} h" if rest >= 3600 else f"{days} d"
