"""A ledger as large as the web view promises to be quick on: many observations, pages and crawls, of ninety days."""

from trapline_common.ledger.connection import Database

PAGES = 2_000
CRAWLS = 500
_BUILD = """
SET session_replication_role = replica;  -- the guards would refuse rows that were never anything but finished
INSERT INTO trapline.lane VALUES ('default', 20, 25, 3, 0), ('polite', 2, 50, 1, 1);
INSERT INTO trapline.known_crawl (name, source, schedule, timezone, enabled, known_at)
    SELECT 'crawl-' || c, 'crawls.yaml', CASE WHEN c % 3 = 0 THEN 'cron(0 8 ? * MON-FRI *)' ELSE 'rate(4 hours)' END,
        'America/Chicago', c % 50 <> 0, now() - interval '90 days'
    FROM generate_series(1, {crawls}) c;
-- one crawl has a quarter of the pages
INSERT INTO trapline.page (crawl, url, baseline_hash, baseline_text, baseline_run, baseline_at, judged_run, failures,
        failing_since)
    SELECT 'crawl-' || CASE WHEN p % 4 = 0 THEN 1 ELSE p % {crawls} + 1 END, 'https://shop-' || p % 97 ||
        '.example/products/' || p, 'hash', repeat('a line of what the page says' || chr(10), 40),
        {rounds} * {crawls}, now(), {rounds} * {crawls}, f, CASE WHEN f > 0 THEN now() - p * interval '1 min' END
    FROM generate_series(1, {pages}) p, LATERAL (SELECT CASE WHEN p % 40 = 0 THEN 3 ELSE 0 END AS f) x;
INSERT INTO trapline.run (crawl, lane, status, outcome, config, fingerprint, created_at, tried_at, opened_at, ended_at,
        tasks_done, tasks_failed, pages_changed, told_at)
    SELECT 'crawl-' || c, 'default', 'ended', 'completed',
        jsonb_build_object('name', 'crawl-' || c, 'urls', jsonb_build_array('https://shop.example/'), 'timeout', 30),
        '', at, at, at, at + interval '40 s', 4, c % 100 / 99, 0, at
    FROM generate_series(1, {rounds}) r, generate_series(1, {crawls}) c,
        LATERAL (SELECT now() - ({rounds} - r) * (interval '90 days' / {rounds}) - interval '1 min' AS at) t
    ORDER BY r, c;
INSERT INTO trapline.task (run_id, lane, url, page_id, status, lease_seq, ended_at)
    SELECT (r - 1) * {crawls} + substr(p.crawl, 7)::int, 'default', p.url, p.id,
        (CASE WHEN p.failures > 0 AND r > {rounds} - 3 THEN 'failed' ELSE 'done' END)::trapline.task_status, 1,
        now() - ({rounds} - r) * (interval '90 days' / {rounds})
    FROM generate_series(1, {rounds}) r, trapline.page p ORDER BY r, p.id;
INSERT INTO trapline.observation (task_id, position, run_id, page_id, observed_at, url, final_url, status, redirects,
        timings, size, title, fields, content_hash, changed, console_errors, screenshot, reason, detail, accepted)
    SELECT t.id, 0, t.run_id, t.page_id, t.ended_at, t.url, t.url, CASE t.status WHEN 'done' THEN 200 ELSE 500 END, 0,
        jsonb_build_object('total', 300 + t.id % 700, 'load', 200), 80000 + t.id % 9000, 'Product ' || t.page_id,
        jsonb_build_object('price', '$' || t.id % 97, 'stock', 'in stock'), md5((t.id / 50)::text),
        t.status = 'done' AND t.id % 100 = 7, 0, substr(md5(t.id::text), 1, 2) || '/' || md5((t.id / 50)::text) ||
        md5((t.id / 50)::text) || '.png', CASE t.status WHEN 'failed' THEN 'http_status' END,
        CASE t.status WHEN 'failed' THEN 'status 500, expected 200' END, t.status = 'done'
    FROM trapline.task t ORDER BY t.id;
INSERT INTO trapline.alert (kind, crawl, run_id, page_id, payload, status, created_at, sent_at)
    SELECT 'change', p.crawl, o.run_id, o.page_id, jsonb_build_object('url', o.url, 'title', o.title, 'diff',
        '@@ -1,3 +1,3 @@' || chr(10) || ' a line' || chr(10) || '-price: $96' || chr(10) || '+price: $97',
        'fields', jsonb_build_array(jsonb_build_object('name', 'price', 'old', '$96', 'new', '$97'))),
        'sent', o.observed_at, o.observed_at
    FROM trapline.observation o JOIN trapline.page p ON p.id = o.page_id WHERE o.changed ORDER BY o.id;
INSERT INTO trapline.alert (kind, crawl, run_id, payload, status, created_at, sent_at)
    SELECT 'summary', r.crawl, r.id, '{"changes": 0}', (CASE WHEN r.id % 4 = 0 THEN 'sent' ELSE 'muted' END)::
        trapline.alert_status, r.ended_at, CASE WHEN r.id % 4 = 0 THEN r.ended_at END FROM trapline.run r ORDER BY r.id;
INSERT INTO trapline.channel (name) VALUES ('chat');
INSERT INTO trapline.delivery (alert_id, channel, thread, status, ended_at, message_id)
    SELECT a.id, 'chat', coalesce('page ' || a.page_id, 'run ' || a.run_id), 'sent', a.sent_at, a.id
    FROM trapline.alert a WHERE a.status = 'sent';
INSERT INTO trapline.channel (name) VALUES ('away');
INSERT INTO trapline.delivery (alert_id, channel, thread, status, ended_at, reason)
    SELECT a.id, 'away', 'run ' || a.run_id, 'refused', now(), 'no such channel'
    FROM trapline.alert a WHERE a.status = 'sent' ORDER BY a.id DESC LIMIT 10;
INSERT INTO trapline.invocation (lane, slot, status, owner, created_at, asked_at, ready_at, running_at, heartbeat_at,
        ended_at)
    SELECT 'default', n % 1000 + 1, CASE WHEN n % 500 = 0 THEN 'orphaned' ELSE 'succeeded' END::trapline.
        invocation_status, gen_random_uuid(), at, at, at, at, at, at + interval '40 s'
    FROM generate_series(1, {rounds} * 400) n,
        LATERAL (SELECT now() - n * (interval '90 days' / ({rounds} * 400)) AS at) t;
INSERT INTO trapline.host (host, refusals) SELECT 'shop-' || n || '.example', 1 FROM generate_series(1, 20) n;
INSERT INTO trapline.mute (crawl, kinds, reason, acted_by, until)
    SELECT 'crawl-' || n, '{failure}', 'redesign', 'me', now() + interval '2 days' FROM generate_series(1, 5) n;
RESET session_replication_role;
"""


async def build(database: Database, *, observations: int) -> None:
    """Fill an empty ledger with about ``observations``: rounds of all crawls in equal steps, the last one now."""
    sql = _BUILD
    for name, number in {"pages": PAGES, "crawls": CRAWLS, "rounds": observations // PAGES}.items():
        sql = sql.replace(f"{{{name}}}", str(number))
    await database.connection.execute(sql, timeout=600)
    await database.connection.execute("VACUUM ANALYZE", timeout=600)


def asked() -> dict[str, list[dict[str, str]]]:
    """Return what each screen is asked with, where it is asked with anything: the largest there is, and more."""
    return {
        "overview": [{}, {"offset": "450"}],
        "runs": [{}, {"crawl": "crawl-1"}, {"show": "failed"}],
        "run": [{"id": "1"}, {"id": "1", "show": "failed"}],
        "pages": [{}, {"q": "products/1"}, {"offset": "1900"}],
        "page": [{"id": "4"}, {"id": "40"}],
        "crawl": [{"name": "crawl-1"}, {"name": "crawl-7"}],
        "changes": [{}, {"crawl": "crawl-1"}],
        "failures": [{}, {"reason": "http_status"}],
        "alerts": [{}, {"status": "sent"}, {"crawl": "crawl-1"}],
        "find": [{"q": "products/12"}],
    }
