-- Every table of the first release. Text of incidents, commands and records is JSON in `body`;
-- what a query filters or orders by stands beside it in a column of its own.

CREATE TABLE incident (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    product TEXT,
    layer TEXT NOT NULL,
    opened_at REAL NOT NULL,
    body TEXT NOT NULL
);

-- Lists for people: filtered and ordered inside the index, bodies read only for the rows shown.
CREATE INDEX incident_list ON incident (opened_at, seq, state, product, layer);

-- The snapshot at start reads what is open, however many ended long ago.
CREATE INDEX incident_open ON incident (seq) WHERE state <> 'resolved';

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX journal_subject ON journal (subject, seq);

CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL,
    status TEXT NOT NULL,
    starts_at REAL NOT NULL,
    ends_at REAL,
    incident_id TEXT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    at REAL NOT NULL,
    name TEXT NOT NULL,
    product TEXT,
    seen INTEGER NOT NULL,
    last_at REAL NOT NULL,
    moved_at REAL
);

-- The newest episode of an identity is the last row of its range; `firing` sorts before `resolved`.
CREATE INDEX ledger_identity ON ledger (identity, starts_at, status);

-- Moves touch only rows that are in the state they move from.
CREATE INDEX ledger_incident ON ledger (incident_id, state) WHERE incident_id IS NOT NULL;

-- Totals are summed without reading the rows.
CREATE INDEX ledger_state ON ledger (state, seen);

-- Counted by the messages taken in, never by the rows they became: the two are compared.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('received', 0);

CREATE TABLE quarantine (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    source TEXT NOT NULL,
    why TEXT NOT NULL,
    size INTEGER NOT NULL,
    body BLOB NOT NULL
);

-- A finished command keeps its id, so that the same decision taken again cannot run it twice.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    is_finished INTEGER NOT NULL,
    body TEXT
);

CREATE INDEX outbox_unfinished ON outbox (seq) WHERE is_finished = 0;

CREATE TABLE timer (
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    due REAL NOT NULL,
    PRIMARY KEY (subject, name)
) WITHOUT ROWID;

-- `at` is set for acts only: those of the last day are read at start.
CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    at REAL,
    body TEXT NOT NULL,
    UNIQUE (kind, key)
);

CREATE INDEX record_act ON record (at) WHERE kind = 'act';
