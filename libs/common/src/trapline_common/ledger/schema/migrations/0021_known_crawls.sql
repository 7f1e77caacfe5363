-- Which crawls there are now, as the newest `crawls.yaml` has them: what is gone, or switched off, needs no attention,
-- and what a schedule should have opened and did not does.

-- "source": the file, so that a ledger may have the crawls of several. "changed_at": since when its schedule is this
-- one; NULL: since it is known. "gone_at": when it was taken out of its file, or forgotten.
CREATE TABLE trapline.known_crawl (
    name text PRIMARY KEY,
    source text NOT NULL,
    schedule text,
    timezone text NOT NULL,
    enabled boolean NOT NULL,
    known_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz,
    gone_at timestamptz
);
