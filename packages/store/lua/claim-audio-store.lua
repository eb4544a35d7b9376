-- Records which audio store the cluster uses, where none is recorded or nobody has used the one that was known for a while.
-- KEYS: store seen
-- ARGV: known mine seen_ms
-- known: the record that the caller found, or ''.
-- Returns the record that counts.
local record = redis.call('GET', store_key)
if not record or (record == known and redis.call('EXISTS', seen_key) == 0) then
  redis.call('SET', store_key, mine)
  redis.call('SET', seen_key, '1', 'PX', seen_ms)
  record = mine
end
return record
