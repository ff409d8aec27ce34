-- name: insert_command
-- The intent to do something; an id that was ever written is left as it is.
INSERT INTO outbox (id, is_finished, body) VALUES (?, 0, ?) ON CONFLICT (id) DO NOTHING;

-- name: finish_command
-- The command ended: its id stays, its body goes. Also where the id was never seen, so that the
-- order of the two inside one commit does not matter.
INSERT INTO outbox (id, is_finished) VALUES (?, 1)
ON CONFLICT (id) DO UPDATE SET is_finished = 1, body = NULL;

-- name: unfinished_commands
-- What was committed and has not ended, oldest first.
SELECT body FROM outbox WHERE is_finished = 0 ORDER BY seq;
