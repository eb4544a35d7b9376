-- read(key, name, …): the named fields of a hash as a table; a field that is not there is false.
local function read(key, ...)
  local names = { ... }
  local values = redis.call('HMGET', key, ...)
  local fields = {}
  for i, name in ipairs(names) do fields[name] = values[i] end
  return fields
end

-- share_ttl(key, …): gives keys that were made just now the time to live of the script's first key, the manifest; an accepted job has none.
local function share_ttl(...)
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl > 0 then
    for _, key in ipairs({ ... }) do redis.call('PEXPIRE', key, ttl) end
  end
end
