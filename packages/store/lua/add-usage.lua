-- Counts what an owner has used today, and forgets days that are too old.
-- KEYS: usage
-- ARGV: keep_days …counts
-- counts: pairs of what and how much. Days are UTC, by Redis' clock.
-- Returns the day, counted from 1970.
-- include: clock
local day = math.floor(now_ms() / 86400000)
if redis.call('HGET', usage_key, 'day') ~= tostring(day) then
  for _, field in ipairs(redis.call('HKEYS', usage_key)) do
    local counted = tonumber(string.match(field, '^(%d+):'))
    if counted and counted <= day - keep_days then redis.call('HDEL', usage_key, field) end
  end
  redis.call('HSET', usage_key, 'day', day)
  redis.call('EXPIRE', usage_key, keep_days * 86400)
end
for i = 1, #counts, 2 do redis.call('HINCRBY', usage_key, day .. ':' .. counts[i], counts[i + 1]) end
return day
