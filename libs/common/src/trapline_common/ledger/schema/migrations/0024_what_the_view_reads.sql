-- What the web view and `trapline status` read on every look: each from an index, however long the ledger is.

-- A crawl's newest runs, and the crawls that there are.
CREATE INDEX run_crawl ON trapline.run (crawl, id);
-- What changed lately, over all pages.
CREATE INDEX observation_changed ON trapline.observation (observed_at, id) WHERE changed;
-- The pages that fail.
CREATE INDEX page_failing ON trapline.page (failing_since, id) WHERE failures > 0;
-- Alerts that were sent lately, and messages that were refused.
CREATE INDEX alert_sent_at ON trapline.alert (sent_at) WHERE status = 'sent';
CREATE INDEX delivery_refused ON trapline.delivery (ended_at) WHERE status = 'refused';
-- Hosts that ask for patience.
CREATE INDEX host_refusing ON trapline.host (not_before) WHERE refusals > 0;
-- Invocations, newest first; the column never changes, so heartbeats stay HOT.
CREATE INDEX invocation_created ON trapline.invocation (created_at, id);
