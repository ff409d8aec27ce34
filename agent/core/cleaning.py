"""The door for text nobody here wrote: alert labels and annotations are attacker-controlled.

Alertmanager passes a 1 MB label, 5,000 labels, NUL, escape and right-to-left characters untouched
(faults study, M6). What comes in here is bounded and cleaned once, the same for every source and
every store, before it is fingerprinted, kept or shown. What was changed is flagged, and a flagged
label is never used for targeting.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import msgspec

from agent.model.alert import Alert

MOST_LABELS = 128
MOST_ANNOTATIONS = 64
LONGEST_NAME = 256
LONGEST_LABEL = 1024
LONGEST_ANNOTATION = 4096
LONGEST_URL = 2048

# C0 and C1 controls except tab and newline, bidirectional marks, overrides and isolates, line and
# paragraph separators, lone surrogates.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
NEWLINES = re.compile(r"[\t\n]")


def clean_text(text: str, *, longest: int, keep_newlines: bool = False) -> tuple[str, str | None]:
    """The text made safe, and how it was changed: None, `cleaned` or `truncated`."""
    flag = None
    if UNSAFE.search(text):
        text, flag = UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text), "cleaned"
    if not keep_newlines and NEWLINES.search(text):
        text, flag = NEWLINES.sub(" ", text), "cleaned"
    if len(text) > longest:
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        text, flag = f"{text[: longest - 40]}...[{len(text)} characters {digest}]", "truncated"
    return text, flag


def clean_pairs(
    pairs: Mapping[str, str], *, most: int, longest: int, keep_newlines: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    cleaned: dict[str, str] = {}
    flags: list[str] = []
    kept = pairs if len(pairs) <= most else _most_telling(pairs, most)
    if len(pairs) > most:
        flags.append("too_many_labels")
    for name, value in kept.items():
        safe_name, name_flag = clean_text(name, longest=LONGEST_NAME)
        safe, flag = clean_text(value, longest=longest, keep_newlines=keep_newlines)
        cleaned[safe_name] = safe
        if flag or name_flag:
            flags.append(f"{flag or name_flag}:{safe_name[:64]}")
    return cleaned, tuple(flags[:16])


USER_IN_ADDRESS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^/?#]{0,500}@")
"""Where a rule engine is reached with a password, the link to the rule repeats it."""

TELLING = ("alertname", "severity", "layer", "product", "service", "entity", "agent", "instance")


def _most_telling(pairs: Mapping[str, str], most: int) -> dict[str, str]:
    names = [n for n in TELLING if n in pairs]
    names += [n for n in sorted(pairs) if n not in TELLING][: most - len(names)]
    return {n: pairs[n] for n in names}


def is_clean(alert: Alert) -> bool:
    """Quick check of the common case: short, few, printable ASCII."""
    labels, annotations, url = alert.labels, alert.annotations, alert.generator_url
    if len(labels) > MOST_LABELS or len(annotations) > MOST_ANNOTATIONS or len(url) > LONGEST_URL:
        return False
    names = (*labels, *annotations)
    values = (*labels.values(), *annotations.values())
    return (
        max(map(len, names), default=0) <= 128
        and max(map(len, values), default=0) <= 512
        # False for every control, surrogate and format character, wherever one stands.
        and "".join((*names, *values, url)).isprintable()
        and "@" not in url
    )


def clean_alert(alert: Alert) -> Alert:
    """The alert as the rest of the product may see it."""
    if is_clean(alert):
        return alert
    labels, flags = clean_pairs(
        alert.labels, most=MOST_LABELS, longest=LONGEST_LABEL, keep_newlines=False
    )
    annotations, more = clean_pairs(
        alert.annotations, most=MOST_ANNOTATIONS, longest=LONGEST_ANNOTATION, keep_newlines=True
    )
    url, _ = clean_text(USER_IN_ADDRESS.sub(r"\1", alert.generator_url), longest=LONGEST_URL)
    return msgspec.structs.replace(
        alert,
        labels=labels,
        annotations=annotations,
        generator_url=url,
        flags=(*alert.flags, *flags, *more),
    )
