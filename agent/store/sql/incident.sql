-- name: upsert_incident
-- The state row of one incident, replaced whole.
INSERT INTO incident (id, state, product, layer, opened_at, body)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state,
    product = excluded.product,
    layer = excluded.layer,
    opened_at = excluded.opened_at,
    body = excluded.body;

-- name: incident_by_id
-- One incident.
SELECT body FROM incident WHERE id = ?;

-- name: open_incidents
-- What the decision loop holds in memory, in the order it was first written.
SELECT body FROM incident WHERE state <> 'resolved' ORDER BY seq;

-- name: list_incidents
-- Newest first; a filter that is NULL lets everything pass.
SELECT body FROM incident
WHERE seq IN (
    SELECT seq FROM incident
    WHERE (?1 IS NULL OR state = ?1)
      AND (?2 IS NULL OR product = ?2)
      AND (?3 IS NULL OR layer = ?3)
    ORDER BY opened_at DESC, seq DESC
    LIMIT ?4
)
ORDER BY opened_at DESC, seq DESC;
