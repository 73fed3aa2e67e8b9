CREATE INDEX jobs_second ON jobs (id) WHERE state = 'queued' AND not_host <> '';
