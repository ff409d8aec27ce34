-- name: insert_entry
-- One received message. A message already known counts as seen once more and stays as it is, unless
-- it has opened another incident since: then it is that one's.
INSERT INTO ledger (
    key, identity, status, starts_at, ends_at, incident_id, state, reason, at, name, product, seen,
    last_at
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?9)
ON CONFLICT (key) DO UPDATE SET
    seen = seen + excluded.seen,
    last_at = max(last_at, excluded.last_at),
    state = iif(coalesce(excluded.incident_id, incident_id) IS incident_id, state, excluded.state),
    reason = iif(coalesce(excluded.incident_id, incident_id) IS incident_id, reason, excluded.reason),
    incident_id = coalesce(excluded.incident_id, incident_id);

-- name: move_entries
-- All entries of an incident that are in one state end in another, with the reason.
UPDATE ledger SET state = ?, reason = ?, moved_at = ? WHERE incident_id = ? AND state = ?;

-- name: repeat_entry
-- An exact repeat of a message, counted on its row.
UPDATE ledger SET seen = seen + ?, last_at = max(last_at, ?) WHERE key = ?;

-- name: count_received
-- The independent side of the balance: messages taken in.
UPDATE counter SET value = value + ? WHERE name = 'received';

-- name: entries_by_key
-- Which of these messages are known.
SELECT key, identity, status, starts_at, ends_at, incident_id, state, reason, at, name, product, seen
FROM ledger
WHERE key IN (?, ...);

-- name: newest_episodes
-- The newest row of each of these identities: latest start, resolved after firing, last written.
WITH wanted (identity) AS (VALUES (?), ...)
SELECT entry.identity, entry.starts_at, entry.status, entry.incident_id
FROM wanted
JOIN ledger AS entry ON entry.seq = (
    SELECT seq FROM ledger
    WHERE identity = wanted.identity
    ORDER BY starts_at DESC, status DESC, seq DESC
    LIMIT 1
);

-- name: latest_entries
-- Newest first.
SELECT key, identity, status, starts_at, ends_at, incident_id, state, reason, at, name, product, seen
FROM ledger
ORDER BY seq DESC
LIMIT ?;

-- name: last_entry
-- Number of the newest row; none where there is no row.
SELECT max(seq) FROM ledger;

-- name: count_entries
-- Rows up to a number and after another one, counted. Weeks begin on Monday, 00:00 UTC: the epoch
-- began three days later.
SELECT CAST((at + 259200) / 604800 AS INTEGER) AS week,
    incident_id, product, state, reason, count(*), min(at)
FROM ledger
WHERE seq <= ?1 AND seq > ?1 - ?2
GROUP BY week, incident_id, product, state, reason;

-- name: totals
-- Both sides of the balance in one statement, so that they are of one moment.
SELECT 'received' AS word, value AS rows, 0 AS repeats FROM counter WHERE name = 'received'
UNION ALL
SELECT 'quarantined', count(*), 0 FROM quarantine
UNION ALL
SELECT state, count(*), sum(seen - 1) FROM ledger GROUP BY state;
