-- Writes the message of a job's end to its webhook, unless it is there.
-- KEYS: delivery
-- ARGV: life_ms …fields (name, value, …)
-- Returns 1 when it was written.
if redis.call('EXISTS', delivery_key) == 1 then return 0 end
redis.call('HSET', delivery_key, unpack(fields))
redis.call('PEXPIRE', delivery_key, life_ms)
return 1
