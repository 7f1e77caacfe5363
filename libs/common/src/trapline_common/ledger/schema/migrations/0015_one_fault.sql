-- Budgets for faults that are no page's, so that none of them goes on for ever, and none costs more than itself.

ALTER TABLE trapline.task
    ADD COLUMN unstarted smallint NOT NULL DEFAULT 0,
    ADD COLUMN outages smallint NOT NULL DEFAULT 0,
    ADD COLUMN paused real NOT NULL DEFAULT 0;

ALTER TABLE trapline.run
    ADD COLUMN tries integer NOT NULL DEFAULT 0,
    ADD COLUMN archive_tries integer NOT NULL DEFAULT 0;
