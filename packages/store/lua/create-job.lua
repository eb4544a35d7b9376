-- Writes a job's manifest unless there is one.
-- KEYS: job chunks pending tries results events terms
-- ARGV: lease_ms metadata webhook …fields (name, value, …)
-- metadata, webhook: JSON, or ''.
-- Returns when it was created (Unix milliseconds), or nil when the id is taken.
-- include: clock
if redis.call('EXISTS', job_key) == 1 then return nil end
redis.call('UNLINK', chunks_key, pending_key, tries_key, results_key, events_key, terms_key)
local now = now_ms()
redis.call('HSET', job_key, 'startedAtMs', now, unpack(fields))
if metadata ~= '' then redis.call('HSET', terms_key, 'metadata', metadata) end
if webhook ~= '' then redis.call('HSET', terms_key, 'webhook', webhook) end
redis.call('PEXPIRE', job_key, lease_ms)
redis.call('PEXPIRE', terms_key, lease_ms)
return now
