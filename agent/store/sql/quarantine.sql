-- name: insert_quarantined
-- A body nobody could read.
INSERT INTO quarantine (at, source, why, size, body) VALUES (?, ?, ?, ?, ?);

-- name: latest_quarantined
-- Newest first.
SELECT at, source, why, size, body FROM quarantine ORDER BY seq DESC LIMIT ?;
