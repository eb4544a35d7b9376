-- Says that somebody looks after these sessions for another while.
-- KEYS: sessions clock
-- ARGV: lease_ms …ids
-- include: clock fields lease-clock
local until_ms = lease_clock() + lease_ms
for _, id in ipairs(ids) do redis.call('ZADD', sessions_key, until_ms, id) end
