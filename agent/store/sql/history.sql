-- name: incidents_page
-- Incidents opened after a moment and row, oldest first: one page of many, so that nobody's
-- checkpoint waits for a long reading.
SELECT opened_at, seq, body FROM incident
WHERE (opened_at, seq) > (?, ?)
ORDER BY opened_at, seq
LIMIT ?;

-- name: count_incidents
-- How many there are from a moment on.
SELECT count(*) FROM incident WHERE opened_at >= ?;

-- name: timeline_page
-- Lines of the journal about any of these subjects, oldest first.
SELECT body FROM journal WHERE subject IN (?, ...) ORDER BY seq;
