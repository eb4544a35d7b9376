-- Takes over the claim of a job that is gone, or gives one's own up.
-- KEYS: claim
-- ARGV: held new life_ms
-- held: the value that it must have. new: '' takes it away.
-- Returns 1 when it had the value.
if redis.call('GET', claim_key) ~= held then return 0 end
if new == '' then redis.call('DEL', claim_key) else redis.call('SET', claim_key, new, 'PX', life_ms) end
return 1
