-- Writes a new session.
-- KEYS: session
-- ARGV: keep_ms …fields (name, value, …)
-- Returns when it began, in Unix milliseconds.
-- include: clock
local now = now_ms()
redis.call('HSET', session_key, 'startedAtMs', now, unpack(fields))
redis.call('PEXPIRE', session_key, keep_ms)
return now
