-- The web view lists the alerts of one crawl, the newest first.
CREATE INDEX alert_crawl ON trapline.alert (crawl, id);
