-- Counts a ticket of a key among those that are valid, unless the key has as many as it may.
-- KEYS: held
-- ARGV: ticket_hash life_ms most
-- Returns 0, or how many milliseconds it takes until one of them has expired.
-- include: clock
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', held_key, '-inf', now)
if redis.call('ZCARD', held_key) >= tonumber(most) then
  return math.max(1, redis.call('ZRANGE', held_key, 0, 0, 'WITHSCORES')[2] - now)
end
redis.call('ZADD', held_key, now + life_ms, ticket_hash)
redis.call('PEXPIREAT', held_key, redis.call('ZRANGE', held_key, -1, -1, 'WITHSCORES')[2])
return 0
