-- Writes a new session.
-- KEYS: job
-- ARGV: keep_ms …fields (name, value, …)
-- Returns when it began, in Unix milliseconds.
-- include: clock
local now = now_ms()
redis.call('HSET', job_key, 'startedAtMs', now, unpack(fields))
redis.call('PEXPIRE', job_key, keep_ms)
return now
