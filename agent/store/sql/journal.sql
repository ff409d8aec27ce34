-- name: insert_journal
-- One line of the journal; its sequence number is given by the table and never used again.
INSERT INTO journal (at, subject, kind, body) VALUES (?, ?, ?, ?);

-- name: read_journal
-- Lines after a sequence number, oldest first.
SELECT seq, body FROM journal WHERE seq > ? ORDER BY seq LIMIT ?;

-- name: read_journal_of_subject
-- The same for one subject.
SELECT seq, body FROM journal WHERE subject = ? AND seq > ? ORDER BY seq LIMIT ?;
