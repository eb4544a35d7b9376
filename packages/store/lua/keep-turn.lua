-- Keeps a turn that is still one's own.
-- KEYS: turn
-- ARGV: holder life_ms
-- Returns 1 when it was.
if redis.call('GET', turn_key) ~= holder then return 0 end
return redis.call('PEXPIRE', turn_key, life_ms)
