-- How far retention has walked through each bucket of artifacts: a tick goes on where the tick before stopped.
CREATE TABLE trapline.artifact_walk (
    store text PRIMARY KEY,
    after text DEFAULT '',
    began_at timestamptz NOT NULL DEFAULT now()
);
