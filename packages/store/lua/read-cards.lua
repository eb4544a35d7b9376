-- Cards of workers heard of lately, and the newest card of each model whose workers are there or expected back.
-- KEYS: workers seen models models_seen
-- ARGV: worker_life_ms model_life_ms model_kept_ms
-- Returns { worker cards, model cards, cards of all models that are not forgotten yet }.
-- include: clock
local now = now_ms()
local function heard_of(seen, cards, life_ms)
  local found = {}
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', seen, now - life_ms, '+inf')) do
    local card = redis.call('HGET', cards, name)
    if card then found[#found + 1] = card end
  end
  return found
end
return {
  heard_of(seen_key, workers_key, worker_life_ms),
  heard_of(models_seen_key, models_key, model_life_ms),
  heard_of(models_seen_key, models_key, model_kept_ms),
}
