-- What scripts of live sessions have in common. Needs includes fields, states and work, the key job (the session's manifest), and the keys that each function names.

-- Events kept of a session: 7 hours and more of unbroken speech.
local MAX_EVENTS = 20000

-- refusal(session, epoch, holder): nil where that holder owns the session, whose state, epoch and holder were read; else 'gone' (closed), 'absent' (there is none),
-- 'lost' (another one has taken it), or 'behind' (the store has lost what the caller took, as in a failover: nobody has taken it since).
local function refusal(session, epoch, holder)
  if not session.state then return 'absent' end
  if session.state == 'closed' then return 'gone' end
  if session.holder == holder then return nil end
  if tonumber(session.epoch) < tonumber(epoch) then return 'behind' end
  return 'lost'
end

-- tell(kind, body): appends an event (JSON without its type) to the stream; answers its id. Key: events.
local function tell(kind, body)
  return redis.call('XADD', events_key, 'MAXLEN', '~', MAX_EVENTS, '*', 'type', kind, 'body', body)
end

-- trim(): drops audio that nothing needs any more: before the first utterance that is not final, and before what the owner still needs. Keys: pcm, chunks.
local function trim()
  local session = read(job_key, 'keepFrom', 'front', 'count')
  local from = tonumber(session.keepFrom)
  if tonumber(session.front) < tonumber(session.count) then
    local planned = json_of(redis.call('HGET', chunks_key, session.front))
    if planned then from = math.min(from, cjson.decode(planned).startSamples) end
  end
  if from > 0 then redis.call('XTRIM', pcm_key, 'MINID', string.format('%.0f', from + 1)) end
end

-- close(reason): closes the session: the last event, and all but events and manifest go. These stay for as long as the session was created with.
-- Keys: pcm, chunks, pending, events, tries, results.
local function close(reason)
  local session = read(job_key, 'state', 'closedKeepMs', 'position', 'speechSamples', 'count')
  local function milliseconds(samples) return math.floor(tonumber(samples) / 16 + 0.5) end
  tell('closed', cjson.encode({ totals = {
    audioMs = milliseconds(session.position), speechMs = milliseconds(session.speechSamples), utterances = tonumber(session.count), ['end'] = reason,
  } }))
  change_state(job_key, session.state, 'closed', 'end', reason, 'relay', '')
  redis.call('HDEL', job_key, 'snapshot', 'decoder', 'partialText', 'partialStable', 'early')
  redis.call('UNLINK', pcm_key, chunks_key, pending_key, tries_key, results_key)
  redis.call('PEXPIRE', job_key, session.closedKeepMs)
  redis.call('PEXPIRE', events_key, session.closedKeepMs)
end
