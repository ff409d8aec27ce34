-- name: set_timer
-- Set again, a timer moves.
INSERT INTO timer (subject, name, due) VALUES (?, ?, ?)
ON CONFLICT (subject, name) DO UPDATE SET due = excluded.due;

-- name: delete_timer
-- The timer fired or is not needed any more.
DELETE FROM timer WHERE subject = ? AND name = ?;

-- name: all_timers
-- Every timer, the next one first.
SELECT subject, name, due FROM timer ORDER BY due, subject, name;
