-- Jobs that are active now.
-- KEYS: active
-- include: clock
return redis.call('ZRANGEBYSCORE', active_key, now_ms(), '+inf')
