-- name: open_by_hand
-- Runs opened by hand that have not ended; those of a schedule belong to the process that keeps the schedule.
SELECT id, crawl, request FROM trapline.run WHERE status <> 'ended' AND request IS NOT NULL ORDER BY id;

-- name: try_hold
-- A command holds each run it works on while its connection lives: a run that no command holds was left behind.
SELECT pg_try_advisory_lock(hashtextextended('trapline run ' || $1::text, 0));
