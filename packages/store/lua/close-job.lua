-- Tidies up after a job that has failed. Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job events chunks pending tries results terms
-- ARGV: manifest_outlives_ms language
-- language: what was asked for or found, or ''.
-- Returns the state or 'gone'.
-- include: fields
local job = read(job_key, 'state', 'expiresAtMs', 'retentionSeconds', 'finishedAtMs')
if not job.state then return 'gone' end
if job.state ~= 'failed' or job.expiresAtMs then return job.state end
redis.call('UNLINK', chunks_key, pending_key, tries_key, results_key)
local retention_ms = job.retentionSeconds * 1000
redis.call('HDEL', job_key, 'summary', 'textBefore', 'decode')
redis.call('HSET', job_key, 'expiresAtMs', job.finishedAtMs + retention_ms, 'language', language)
redis.call('PEXPIRE', events_key, retention_ms)
redis.call('PEXPIRE', terms_key, retention_ms)
redis.call('PEXPIRE', job_key, retention_ms + manifest_outlives_ms)
return job.state
