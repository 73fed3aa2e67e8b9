-- What workers may do in the database of the queue, and no more: take jobs, from workers that are gone too, keep and end them, and return results for the coordinator to
-- look at. Run by the owner of the tables or a superuser, once the first `twinbuild nightly` has made them, and again after an upgrade:
--     psql --set ON_ERROR_STOP=1 --dbname twinbuild --file worker-role.sql
-- Each worker, or each machine, gets a login of its own that is a member: CREATE ROLE worker_a LOGIN PASSWORD '..' IN ROLE twinbuild_worker.
-- Verdicts, documents, nights and rights are the owner's, who is bound by none of the policies below.
BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'twinbuild_worker') THEN
        CREATE ROLE twinbuild_worker NOLOGIN;
    END IF;
END
$$;

-- Takes back what an older version of this file gave.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM twinbuild_worker;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM twinbuild_worker;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO twinbuild_worker;

GRANT SELECT ON _sqlx_migrations, jobs, results, workers TO twinbuild_worker;
GRANT UPDATE (state, attempts, lost, fence, claim, worker, host, lease_until_ms, not_before_ms, not_host, ended_ms, class, reason)
    ON jobs TO twinbuild_worker;
GRANT INSERT (job, fence, state, worker, host, document, envelope, stored, returned_ms) ON results TO twinbuild_worker;
GRANT INSERT (name, host, capabilities, state, started_ms, seen_ms), UPDATE (host, capabilities, state, started_ms, seen_ms, jobs, busy_ms, lost)
    ON workers TO twinbuild_worker;

-- A job is waiting or taken when a worker touches it, and never done or cancelled by its word: that is the coordinator's.
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS worker_reads ON jobs;
DROP POLICY IF EXISTS worker_changes ON jobs;
CREATE POLICY worker_reads ON jobs FOR SELECT TO twinbuild_worker USING (true);
CREATE POLICY worker_changes ON jobs FOR UPDATE TO twinbuild_worker
    USING (state IN ('queued', 'leased'))
    WITH CHECK (
        state IN ('queued', 'leased', 'returned', 'dead')
        -- No number that others could not count on from, and no time that nobody lives to see: two hours are more than any pause, a day than any lease.
        AND fence BETWEEN 0 AND 1000000000 AND attempts BETWEEN 0 AND 1000000 AND lost BETWEEN 0 AND 1000000
        AND not_before_ms < EXTRACT(EPOCH FROM now()) * 1000 + 7200000
        AND lease_until_ms < EXTRACT(EPOCH FROM now()) * 1000 + 86400000
    );

-- A result is returned, and never accepted by a worker's word; what was returned stays as it is.
ALTER TABLE results ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS worker_reads ON results;
DROP POLICY IF EXISTS worker_returns ON results;
CREATE POLICY worker_reads ON results FOR SELECT TO twinbuild_worker USING (true);
CREATE POLICY worker_returns ON results FOR INSERT TO twinbuild_worker WITH CHECK (state = 'returned');

COMMIT;
