-- name: take_turn
SELECT taken, wait FROM trapline.take_turn($1, $2, $3, $4, $5, $6, $7);

-- name: leave
-- A visit whose lease was taken away has ended: its slot is free before its invocation ends.
DELETE FROM trapline.host_visit WHERE task_id = $1 AND lease_seq = $2;

-- name: refused
-- A visit that began before the last refusal was counted belongs to that refusal. After a day without one the count
-- begins anew. Half of the back-off is by chance, so that lanes do not come back together.
INSERT INTO trapline.host AS h (host, refusals, not_before)
VALUES ($3, 1, now() + make_interval(secs => greatest($4, $5 * (0.75 + random() / 2))))
ON CONFLICT (host) DO UPDATE SET
    refusals = CASE WHEN h.refused_at < now() - interval '1 day' THEN 1 ELSE h.refusals + 1 END,
    refused_at = now(),
    not_before = now() + make_interval(secs => greatest($4, (0.75 + random() / 2) * least($6, $5 * power(2,
        CASE WHEN h.refused_at < now() - interval '1 day' THEN 0 ELSE least(h.refusals, 20) END))))
WHERE h.refusals = 0 OR h.refused_at < coalesce(
    (SELECT t.started_at FROM trapline.task t WHERE t.id = $1 AND t.lease_seq = $2), now());

-- name: hold_off
-- How long the host asked for counts, also from a visit whose refusal was not counted.
UPDATE trapline.host SET not_before = greatest(not_before, now() + make_interval(secs => $2)) WHERE host = $1
RETURNING extract(epoch FROM not_before - now())::double precision;

-- name: answered
UPDATE trapline.host SET refusals = 0, not_before = now() WHERE host = $1 AND refusals > 0;

-- name: forget
-- Rows that no visit has touched for a week. Of two ticks at once one does it: they would lock the rows in any order.
WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(trapline.lane_key('forget hosts')) AS won),
     hosts AS (DELETE FROM trapline.host USING mine
               WHERE mine.won AND greatest(refused_at, not_before) < now() - interval '7 days'),
     turns AS (DELETE FROM trapline.host_turn USING mine WHERE mine.won AND next_at < now() - interval '7 days')
DELETE FROM trapline.robots USING mine
WHERE mine.won AND greatest(expires_at, retry_at, claimed_until) < now() - interval '7 days';
