-- name: last_success
-- When the last run succeeded, or when the ledger was made.
SELECT now() AS now, coalesce(
    (SELECT ended_at FROM trapline.run WHERE ended_at IS NOT NULL AND outcome = 'completed'
        ORDER BY ended_at DESC LIMIT 1),
    (SELECT min(applied_at) FROM trapline.migration)) AS since;
