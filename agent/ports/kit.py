"""What a plugin is lent. It builds no client of its own and gets no more than its kind may have.

A diagnostic or verification gets a `ReadKit`: nothing in it can change anything. An action gets an
`ActKit`. A notifier gets a `NotifyKit`. A source gets a `SourceKit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from agent.model.alert import Signal
from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity, Registry
from agent.model.signals import ChangeSeen, MemberSeen, Mode
from agent.ports.cluster import ClusterControl, ClusterReader, ClusterWatch


class Unreached(Temporary):
    """The question did not get as far as the other side: no name, no way to it."""


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is cut at the read cap (8 MiB)."""

    status: int
    body: bytes
    seconds: float
    headers: Mapping[str, str] = {}
    """Names in lower case."""

    def json(self) -> Any:
        """The body as JSON. Raises Permanent where it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Permanent(f"the answer is not JSON: {error}") from error


class Http(Protocol):
    """HTTP for plugins: no redirects, bounded bodies. Failures to connect raise Temporary, those
    that never got as far as the other side its subclass Unreached.
    """

    async def get(
        self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None
    ) -> HttpReply: ...

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> HttpReply: ...


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One series of an instant query: its labels, its value and the time of that value."""

    labels: Mapping[str, str]
    value: float
    at: float


class PromQL(Protocol):
    """Instant queries against one Prometheus. An empty answer is an empty tuple: no data, which
    is never health. Raises Temporary where Prometheus does not answer in time."""

    async def query(
        self, expression: str, *, url: str | None, timeout_seconds: float
    ) -> tuple[Sample, ...]: ...


class ProcessStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one supervised process. Memory in bytes, times in seconds."""

    name: str
    known: bool
    alive: bool
    pid: int | None = None
    hung: bool = False
    """Alive, but stopped by a signal or not answering its health address."""
    version: str = ""
    previous_version: str | None = None
    version_changed_seconds_ago: float | None = None
    uptime_seconds: float | None = None
    memory_bytes: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    answers: bool | None = None
    """Whether its health address answered 2xx; None where it has none."""
    detail: str = ""
    launched_seconds_ago: tuple[float, ...] = ()
    """Its last launches, newest first, as far as they are remembered."""


class ProcessUse(msgspec.Struct, frozen=True, kw_only=True):
    """What a process takes of the machine, as the kernel counts it. None: it does not tell.

    Of memory and of open files it is the one process among it and what it forked that is nearest to
    its limit; everything else is all of them together.
    """

    at: float
    """Seconds on a clock that only runs forward: two looks and their distance make a rate."""
    cpu_seconds: float
    cpu_waited_seconds: float | None
    """How long its threads were ready to run and another one ran: what a busy machine kept from
    it."""
    memory_bytes: int
    memory_limit_bytes: int | None
    """The limit of the resident set it was started with; None where it has none."""
    open_files: int | None
    open_files_limit: int | None
    sockets: int | None
    half_closed: int | None
    """Connections that the other side has closed and this side has not."""
    processes: int
    is_batch: bool
    """It declares itself to be work that may take what is left over: by its scheduling policy
    (`chrt --batch`, `chrt --idle`) or by a niceness of 10 or more."""


class FileSeen(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    bytes: int
    modified_seconds_ago: float
    in_use: bool
    """The process (or what it forked) has it open."""


class FolderSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One folder below the working directory of a process, and the disk it is on. Only ordinary
    files that stand in it directly count."""

    path: str
    files: tuple[FileSeen, ...]
    """Those whose names match, oldest first."""
    bytes: int
    """Of all its files."""
    is_cut: bool
    """It holds more than was read: the figures are lower bounds."""
    disk_bytes: int
    disk_free_bytes: int
    """For those who are not root."""
    inodes: int
    """0: the file system does not count them."""
    inodes_free: int


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """`digest` is that of the whole certificate; `expires_in_seconds` is negative where it has
    expired."""

    digest: str
    expires_in_seconds: float


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """What a process shows to those who connect, and what lies on the disk for it."""

    served: Certificate | None
    on_disk: Certificate | None
    detail: str = ""
    """Why one of them is not known."""


class MemberTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a member was told. Empty: nothing."""

    mode: Mode = Mode.ACT
    version: str = ""
    config_hash: str = ""
    key: str = ""
    """Of the act that told it last."""


class ProcessReader(Protocol):
    """Looks at supervised processes; cannot change them."""

    async def status(self, name: str) -> ProcessStatus: ...

    async def use(self, name: str) -> ProcessUse | None:
        """None where it does not run."""
        ...

    async def folder(self, name: str, folder: str, *, pattern: str) -> FolderSeen:
        """`folder` is relative to the working directory of the process, and below it."""
        ...

    async def certificates(self, name: str, *, file: str) -> Certificates:
        """Served at its health address; on disk in `file`, relative to its working directory."""
        ...

    async def recent_log(self, name: str, *, lines: int) -> tuple[str, ...]: ...

    async def done_with_key(self, name: str, key: str) -> bool | None:
        """Whether an act with this key was completed on it; None where that cannot be told."""
        ...

    async def config_state(self, name: str) -> Mapping[str, Any]:
        """`path`, `changed` (differs from the last good copy), `changed_seconds_ago`, `diff`."""
        ...


class ProcessControl(ProcessReader, Protocol):
    """Changes supervised processes. `key` is the idempotency key of the step: an act with a key
    that was completed before does nothing and returns the same result. `grace_seconds` None: what
    the process declares."""

    async def start(self, name: str, *, key: str) -> Mapping[str, Any]: ...

    async def stop(
        self, name: str, *, key: str, grace_seconds: float | None = None
    ) -> Mapping[str, Any]: ...

    async def restart(
        self, name: str, *, key: str, grace_seconds: float | None = None
    ) -> Mapping[str, Any]: ...

    async def set_version(self, name: str, *, version: str | None, key: str) -> Mapping[str, Any]:
        """Runs `version` (None: the one before) and returns `version` and `replaced`."""
        ...

    async def restore_config(
        self, name: str, *, key: str, to: str | None = None
    ) -> Mapping[str, Any]:
        """Puts the last good configuration back, or the one with hash `to` that an earlier act
        replaced; returns `replaced` (hash of what was there)."""
        ...

    async def trash_files(
        self,
        name: str,
        folder: str,
        *,
        pattern: str,
        older_than_seconds: float,
        most: int,
        key: str,
    ) -> Mapping[str, Any]:
        """Moves old files, compressed, out of the folder; returns `batch`, by which they come back.
        With the same key it goes on where it was cut off."""
        ...

    async def untrash_files(self, name: str, *, batch: str) -> Mapping[str, Any]:
        """Puts the files of a batch back where they were; overwrites nothing, and done twice it
        is as done once."""
        ...


class SignalReader(Protocol):
    """What members of the machinery said of themselves, and what was changed on purpose: as the
    daemon knows it now. It asks nobody."""

    def member(self, name: str) -> MemberSeen: ...

    def changes(
        self, *, product: str | None = None, entity: str | None = None, since_seconds: float
    ) -> tuple[ChangeSeen, ...]:
        """Of this entity, and of all that this product is made of; newest first."""
        ...


class MemberReader(Protocol):
    """The mode a sub-agent or proxy was told to be in (docs/machinery.md)."""

    async def told(self, name: str) -> MemberTold:
        """What stands there now. Raises Temporary where that cannot be read, Permanent where it
        has no way to be told anything."""
        ...


class MemberControl(MemberReader, Protocol):
    """Tells sub-agents and proxies what to do. `key` is the idempotency key of the step."""

    async def tell(
        self,
        name: str,
        *,
        key: str,
        mode: Mode | None = None,
        version: str | None = None,
        config_hash: str | None = None,
        instead_of: str = "",
    ) -> MemberTold:
        """Changes what is given and leaves the rest; returns what stood there before. `instead_of`:
        key of the act whose word it takes back; raises Permanent where somebody else told it
        something about the same since."""
        ...


class Log(Protocol):
    """Structured log of one plugin call. Never put alert text into the event name."""

    def info(self, event: str, **fields: Any) -> None: ...

    def warning(self, event: str, **fields: Any) -> None: ...


class ReadKit(Protocol):
    http: Http
    promql: PromQL
    processes: ProcessReader
    signals: SignalReader
    members: MemberReader
    cluster: ClusterReader
    registry: Registry
    log: Log
    deadline_seconds: float
    """Time this call has; the runtime ends it then."""


class ActKit(Protocol):
    http: Http
    promql: PromQL
    processes: ProcessControl
    signals: SignalReader
    members: MemberControl
    cluster: ClusterControl
    registry: Registry
    log: Log
    deadline_seconds: float
    key: str
    """Idempotency key of the step: equal for all attempts of it."""

    def entity(self, name: str) -> Entity:
        """The registered entity of that name. Raises Permanent where there is none."""
        ...


class NotifyKit(Protocol):
    http: Http
    log: Log
    deadline_seconds: float
    secrets: Mapping[str, str]
    """Secrets of this channel, resolved from environment or files."""

    def now(self) -> float: ...


class SourceKit(Protocol):
    http: Http
    processes: ProcessReader
    log: Log

    @property
    def cluster(self) -> ClusterWatch:
        """Raises Permanent where none is connected."""
        ...

    @property
    def registry(self) -> Registry:
        """As it is now: a source lives longer than one reading of the catalog."""
        ...

    async def emit(self, signals: Sequence[Signal]) -> None:
        """Returns after the signals are durable; raises StoreUnavailable where they are not, and
        then the source must not acknowledge them."""
        ...

    async def quarantine(self, body: bytes, *, source: str, why: str) -> None:
        """Keeps what cannot be read, durably, so that it may be acknowledged."""
        ...

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...
