// Lua that several scripts of live sessions share. Every script's first key is the session's hash.

/** Gives keys the time to live that the session's hash has. */
export const SHARE_TTL = `
local function share_ttl(keys)
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl > 0 then
    for _, key in ipairs(keys) do redis.call('PEXPIRE', key, ttl) end
  end
end
`;

/** Events kept of a session: 7 hours and more of unbroken speech. */
const MAX_EVENTS = 20_000;

/** Appends an event (a body without its type) to the stream; answers its id. */
export const TELL = `
local function tell(events, kind, body)
  return redis.call('XADD', events, 'MAXLEN', '~', ${String(MAX_EVENTS)}, '*', 'type', kind, 'body', body)
end
`;

/** Drops audio that nothing needs any more: before the first utterance that is not final, and before what the owner still needs. */
export const TRIM = `
local function trim(pcm, utterances)
  local state = redis.call('HMGET', KEYS[1], 'keepFrom', 'front', 'count')
  local from = tonumber(state[1])
  if tonumber(state[2]) < tonumber(state[3]) then
    local planned = redis.call('HGET', utterances, state[2])
    if planned then from = math.min(from, cjson.decode(planned).startSamples) end
  end
  if from > 0 then redis.call('XTRIM', pcm, 'MINID', string.format('%.0f', from + 1)) end
end
`;

/** Closes the session: the last event, and all but events and manifest go. These stay for as long as the session was created with. */
export const CLOSE = `
local function close(events, others, reason)
  local keep_ms = redis.call('HGET', KEYS[1], 'closedKeepMs') or 150000
  local state = redis.call('HMGET', KEYS[1], 'position', 'speechSamples', 'count')
  tell(events, 'closed', cjson.encode({ totals = { audioMs = math.floor(tonumber(state[1]) / 16 + 0.5), speechMs = math.floor(tonumber(state[2]) / 16 + 0.5), utterances = tonumber(state[3]), ['end'] = reason } }))
  redis.call('HSET', KEYS[1], 'state', 'closed', 'end', reason, 'relay', '')
  redis.call('HDEL', KEYS[1], 'snapshot', 'decoder', 'partialText', 'partialStable', 'early')
  redis.call('UNLINK', unpack(others))
  redis.call('PEXPIRE', KEYS[1], keep_ms)
  redis.call('PEXPIRE', events, keep_ms)
end
`;
