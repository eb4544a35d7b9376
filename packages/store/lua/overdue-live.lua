-- Sessions whose lease is over, the oldest first.
-- KEYS: sessions clock
-- ARGV: limit
-- include: clock fields lease-clock
return redis.call('ZRANGEBYSCORE', sessions_key, '-inf', lease_clock(), 'LIMIT', 0, limit)
