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

-- Artifacts of observations that retention deleted. Who has the store deletes those that no observation names, and that
-- no invocation under way may have put again.
CREATE TABLE trapline.unnamed_artifact (
    key text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX observation_screenshot ON trapline.observation (screenshot) WHERE screenshot IS NOT NULL;
CREATE INDEX observation_html ON trapline.observation (html) WHERE html IS NOT NULL;

CREATE FUNCTION trapline.note_unnamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trapline.unnamed_artifact (key)
    SELECT DISTINCT k FROM gone g CROSS JOIN LATERAL unnest(ARRAY[g.screenshot, g.html]) AS k
    WHERE k IS NOT NULL ORDER BY k ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER unnamed AFTER DELETE ON trapline.observation REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION trapline.note_unnamed();
