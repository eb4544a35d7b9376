import { SETTLE_CHANNEL } from '../keys.js';

// Functions in Lua that the scripts of a job begin with. In all of them KEYS[1] is the job's manifest.

/** `share_ttl(first)`: gives every key from `first` on that exists the time to live of the manifest; an accepted one has none. */
export const SHARE_TTL = `
local function share_ttl(first)
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl > 0 then
    for i = first, #KEYS do redis.call('PEXPIRE', KEYS[i], ttl) end
  end
end
`;

/** `emit(stream, wake, field, value, …)`: appends the next entry to the stream and wakes its readers. */
export const EMIT = `
local function emit(stream, wake, ...)
  local n = redis.call('HINCRBY', KEYS[1], 'entries', 1)
  redis.call('XADD', stream, n .. '-1000000', ...)
  redis.call('PUBLISH', wake, '1')
end
`;

/** `keep_last(stream)`: of the stream only the last entry stays. It is written anew, because entries that are trimmed keep their bytes until their whole page goes. */
export const KEEP_LAST = `
local function keep_last(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  redis.call('UNLINK', stream)
  if last then redis.call('XADD', stream, last[1], unpack(last[2])) end
end
`;

/** `now_ms()`: Unix milliseconds of Redis, so that no node's clock matters. */
export const NOW = `
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/** `settle()`: calls the job out when nobody's request waits for it, so that some node brings it to its end. */
export const SETTLE = `
local function settle()
  if redis.call('HEXISTS', KEYS[1], 'acceptedAtMs') == 1 then redis.call('PUBLISH', '${SETTLE_CHANNEL}', redis.call('HGET', KEYS[1], 'id')) end
end
`;

/** `is_final(state)` */
export const IS_FINAL = `
local function is_final(state)
  return state == 'done' or state == 'failed' or state == 'cancelled'
end
`;
