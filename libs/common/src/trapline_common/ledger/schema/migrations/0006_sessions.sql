-- The session that a crawl's ``steps`` began: one row per crawl with steps, shared by its invocations and runs.
-- ``version`` grows with every log-in; a log-in is claimed by compare-and-set on it, so of many that begin together one
-- logs in and the others wait. No transaction is open while a browser does the steps.
CREATE TABLE trapline.session (
    crawl text PRIMARY KEY,
    version int NOT NULL DEFAULT 0,
    binding text,             -- keyed hash over the crawl's name, its steps and their secrets: another one drops the state
    state bytea,              -- cookies and local storage, encrypted with the crawler's session key
    refreshed_at timestamptz, -- when ``state`` was made
    tried_at timestamptz,     -- the last log-in that reached the site, good or bad
    problem text,             -- why that one was bad, for people
    screenshot text,          -- artifact key: where it was bad
    holder uuid,              -- the invocation that logs in now
    held_until timestamptz,
    CONSTRAINT session_state CHECK ((state IS NULL) = (refreshed_at IS NULL)),
    CONSTRAINT session_held CHECK ((holder IS NULL) = (held_until IS NULL))
) WITH (fillfactor = 50);
