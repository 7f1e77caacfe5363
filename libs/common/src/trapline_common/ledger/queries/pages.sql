-- name: state
SELECT id AS page_id, url, version AS page_version, baseline_hash, baseline_fields, baseline_run, fingerprint,
    judged_run, failures, alerted, extract(epoch FROM now() - alerted_at)::double precision AS since_alert,
    extract(epoch FROM now() - failing_since)::double precision AS failing_for
FROM trapline.page WHERE crawl = $1 AND url = $2;

-- name: baseline
SELECT baseline_text, earlier_hashes, candidate_hash, candidate_seen FROM trapline.page WHERE id = $1 AND version = $2;
