-- A worker's heartbeat. Workers and models that have been silent for long are forgotten.
-- KEYS: workers seen models models_seen
-- ARGV: worker card slug worker_life_ms model_life_ms
-- include: clock
local now = now_ms()
redis.call('HSET', workers_key, worker, card)
redis.call('ZADD', seen_key, now, worker)
redis.call('HSET', models_key, slug, card)
redis.call('ZADD', models_seen_key, now, slug)
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', seen_key, '-inf', now - worker_life_ms)) do
  redis.call('HDEL', workers_key, silent)
  redis.call('ZREM', seen_key, silent)
end
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', models_seen_key, '-inf', now - model_life_ms)) do
  redis.call('HDEL', models_key, silent)
  redis.call('ZREM', models_seen_key, silent)
end
