-- Counts a job as active while its lease runs; those whose lease is over go.
-- KEYS: active
-- ARGV: job lease_ms
-- lease_ms: '+inf' for a job that has no lease.
-- include: clock
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', active_key, '-inf', now)
redis.call('ZADD', active_key, lease_ms == '+inf' and lease_ms or now + lease_ms, job)
