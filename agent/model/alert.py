"""What a source says: an alert, and the other signals that start work by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from agent.model.records import Silence
from agent.model.signals import ChangeKind, ChangePhase, Counters, Mode


class Layer(StrEnum):
    """The observability layer a signal comes from (MISSION.md, M4-M6)."""

    PRODUCT = "product"
    MACHINERY = "machinery"
    OUTCOME = "outcome"


class AlertStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert message, cleaned and bounded at the door.

    `source` is the source *group*: two Alertmanagers of one HA pair share it, so that their copies
    of one message are one message. Times are seconds since the epoch, UTC. `ends_at` is set on a
    resolved alert; `expires_at` on a firing one whose source promises to repeat it before then
    (Prometheus sends now + 4 x max(resend delay, interval)).
    """

    source: str
    fingerprint: str
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = {}
    starts_at: float
    ends_at: float | None = None
    expires_at: float | None = None
    generator_url: str = ""
    inferred: bool = False
    """True where nobody said so: the source stopped listing it, or its end time passed."""
    flags: tuple[str, ...] = ()
    """What the door had to change (`truncated:<label>`, `cleaned:<label>`, `too_many_labels`), and
    what its source adds: `truncated_group` (more alerts were left out of the message) and, in a
    level answer, `suppressed` (silenced or inhibited there: not new, and not over)."""

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def identity(self) -> str:
        """Names this alert across its messages, within its source group."""
        return f"{self.source}/{self.fingerprint}"


Scalar = str | int | float | bool | None


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """A sub-agent or proxy says that it lives, or its last will says that it does not."""

    agent: str
    alive: bool = True
    detail: Mapping[str, Scalar] = {}
    """What it says besides."""
    boot: str = ""
    """Names one life of it."""
    seq: int | None = None
    """Counts its beats within one life."""
    work: float | None = None
    """Running total of what it did in this life."""
    last_success: float | None = None
    sent_at: float | None = None
    """Both by its own clock, seconds since the epoch."""
    version: str = ""
    config_hash: str = ""
    mode: Mode | None = None
    faults: tuple[str, ...] = ()
    """What of it could not be read, as sentences: it beats all the same."""
    is_sign: bool = True
    """False: somebody said so under its name who may be another; only its faults count."""


class Telemetry(msgspec.Struct, frozen=True, kw_only=True):
    """Running totals of the work of a sub-agent or proxy."""

    agent: str
    counters: Counters = Counters()
    boot: str = ""
    source: str = ""
    """Empty: it said so itself, which is a sign of life; else who counted."""
    sent_at: float | None = None
    detail: Mapping[str, Scalar] = {}
    faults: tuple[str, ...] = ()


class ReferenceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a member answered to a reference probe."""

    agent: str
    probe: str
    is_right: bool | None
    """None: it did not answer, or not in time."""
    said: str = ""
    seconds: float = 0.0


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of a product's leadership metric (outcome layer). What is no number (NaN) is a
    gap."""

    product: str
    metric: str
    value: float
    sent_at: float | None = None
    fault: str = ""
    """Why there is no number, as a sentence; the value is NaN then."""


class SloReading(msgspec.Struct, frozen=True, kw_only=True):
    """How an objective stands, over its window."""

    product: str
    slo: str
    bad: float | None
    """Share of events that were bad, from 0 to 1; None: there is nothing to tell it from."""
    events: float | None = None
    """How many there were, where that is known."""
    burn: Mapping[str, float] = {}
    """By window, as `1h`: how many times faster than allowed the budget is spent."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something was changed on purpose: a deployment, a configuration, a scale."""

    product: str
    entity: str
    what: str
    by: str = ""
    is_manual: bool = False
    """Somebody did it by hand, and not a delivery that they only started."""
    kind: ChangeKind = ChangeKind.OTHER
    version: str = ""
    before: str = ""
    """The version it was at."""
    phase: ChangePhase = ChangePhase.DONE
    link: str = ""
    sent_at: float | None = None
    """By its sender's clock."""
    id: str = ""
    """Names the change at its sender: what comes with the same one repeats it or carries it on.
    Empty: it says none."""
    is_elsewhere: bool = False
    """Not in production: it is told, and no cause of what happens there."""


class SilenceList(msgspec.Struct, frozen=True, kw_only=True):
    """Every silence one Alertmanager knows now; what it does not list any more is over."""

    source: str
    silences: tuple[Silence, ...]


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """A source lives, though it has nothing to say."""

    source: str
    """Empty: the one that emits it."""
    detail: str = ""


Signal = (
    Alert
    | Heartbeat
    | Telemetry
    | ReferenceAnswer
    | Measure
    | SloReading
    | Change
    | SilenceList
    | Alive
)
"""What a source may emit. The runtime stamps the time of arrival on it and makes it an event."""
