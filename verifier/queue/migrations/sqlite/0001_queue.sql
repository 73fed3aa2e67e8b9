CREATE TABLE nights (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL DEFAULT 0,
    summary TEXT NOT NULL DEFAULT ''
);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    night BIGINT NOT NULL,
    subject TEXT NOT NULL,
    list TEXT NOT NULL,
    why TEXT NOT NULL,
    asked TEXT NOT NULL,
    priority BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    needs_architecture TEXT NOT NULL DEFAULT '',
    needs_interpreter TEXT NOT NULL DEFAULT '',
    needs_memory_bytes BIGINT NOT NULL DEFAULT 0,
    not_host TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    lost BIGINT NOT NULL DEFAULT 0,
    queued_ms BIGINT NOT NULL,
    not_before_ms BIGINT NOT NULL DEFAULT 0,
    ended_ms BIGINT NOT NULL DEFAULT 0,
    fence BIGINT NOT NULL DEFAULT 0,
    claim TEXT NOT NULL DEFAULT '',
    worker TEXT NOT NULL DEFAULT '',
    host TEXT NOT NULL DEFAULT '',
    lease_until_ms BIGINT NOT NULL DEFAULT 0,
    class TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT ''
);

CREATE UNIQUE INDEX jobs_active ON jobs (subject) WHERE state IN ('queued', 'leased', 'returned');
CREATE INDEX jobs_next ON jobs (priority, turn, id) WHERE state = 'queued';
CREATE INDEX jobs_leases ON jobs (lease_until_ms) WHERE state = 'leased';
CREATE INDEX jobs_claims ON jobs (claim) WHERE state = 'leased';
CREATE INDEX jobs_night ON jobs (night);

CREATE TABLE results (
    job BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    state TEXT NOT NULL,
    worker TEXT NOT NULL,
    host TEXT NOT NULL,
    document TEXT NOT NULL,
    envelope TEXT NOT NULL DEFAULT '',
    stored TEXT NOT NULL DEFAULT '',
    returned_ms BIGINT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, fence)
);

CREATE INDEX results_returned ON results (returned_ms) WHERE state = 'returned';

CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job BIGINT NOT NULL UNIQUE,
    night BIGINT NOT NULL,
    subject TEXT NOT NULL,
    project TEXT NOT NULL,
    list TEXT NOT NULL,
    why TEXT NOT NULL,
    outcome TEXT NOT NULL,
    digest TEXT NOT NULL,
    result TEXT NOT NULL,
    made_with TEXT NOT NULL,
    workers TEXT NOT NULL,
    stored TEXT NOT NULL DEFAULT '',
    judged_ms BIGINT NOT NULL,
    published_ms BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX verdicts_subject ON verdicts (subject, id);
CREATE INDEX verdicts_project ON verdicts (project, id);
CREATE INDEX verdicts_night ON verdicts (night);

CREATE TABLE documents (
    verdict BIGINT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE workers (
    name TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    state TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    jobs BIGINT NOT NULL DEFAULT 0,
    busy_ms BIGINT NOT NULL DEFAULT 0,
    lost BIGINT NOT NULL DEFAULT 0,
    refused BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE rights (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);

CREATE TABLE kept (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
