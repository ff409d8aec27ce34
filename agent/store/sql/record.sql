-- name: upsert_record
-- One small aggregate, replaced whole.
INSERT INTO record (kind, key, at, body) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at, body = excluded.body;

-- name: delete_record
-- One small aggregate ended.
DELETE FROM record WHERE kind = ? AND key = ?;

-- name: records_of_kind
-- All of one kind.
SELECT key, body FROM record WHERE kind = ? ORDER BY key;

-- name: records_at_start
-- Everything but acts, which grow for ever and of which only the last day counts.
SELECT kind, key, body FROM record WHERE kind <> 'act' ORDER BY kind, key;

-- name: acts_since
-- Acts that cooldowns and budgets still count; the planner would rather walk all of them by key.
SELECT key, body FROM record INDEXED BY record_act WHERE kind = 'act' AND at >= ? ORDER BY key;
