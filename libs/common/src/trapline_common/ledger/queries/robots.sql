-- name: robots
-- Times start at -infinity, from which Postgres 16 can't subtract.
SELECT body, reason, failures, expires_at > now() AS fresh,
    extract(epoch FROM greatest(retry_at, now()) - now())::double precision AS wait,
    extract(epoch FROM greatest(expires_at, now()) - now())::double precision AS good_for
FROM trapline.robots WHERE origin = $1;

-- name: claim_robots
-- Of all that want it one fetches it.
INSERT INTO trapline.robots AS r (origin, claimed_until) VALUES ($1, now() + make_interval(secs => $2))
ON CONFLICT (origin) DO UPDATE SET claimed_until = now() + make_interval(secs => $2)
WHERE r.claimed_until <= now() AND r.expires_at <= now() AND r.retry_at <= now()
RETURNING origin;

-- name: put_robots
UPDATE trapline.robots SET body = $2, expires_at = now() + make_interval(secs => $3), claimed_until = '-infinity',
    failures = 0, retry_at = '-infinity', reason = NULL
WHERE origin = $1;

-- name: robots_failed
UPDATE trapline.robots SET failures = failures + 1, reason = $2, claimed_until = '-infinity',
    retry_at = now() + make_interval(secs => least($3 * power(2, least(failures, 10)), $4))
WHERE origin = $1
RETURNING failures, extract(epoch FROM retry_at - now())::double precision AS wait;
