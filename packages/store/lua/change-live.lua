-- The one way in which a session moves on: audio, what was heard in it, state of decoder and detector, all or nothing.
-- KEYS: job chunks pending tries results events pcm
-- ARGV: epoch holder change_json audio channel
-- change: `op` (unique a change; a repeated one is answered again and not done again), `after` (the op of the change before), `from` and `to` (positions before and after), `source`, `decoder`,
-- `snapshot`, `snapshotAt`, `keepFrom`, `open` (the utterance in progress), `events`, `partialAfter` (samples after which the next partial is due, 0 for none that
-- is told; where the utterance rests, one is due at once: if it ends there, that is its final's text), `partialLostMs`, `cleared`, `finish` (the reason), `keepMs` (time to live, 0 to leave it).
-- Returns { 'lost' } (another holder has taken it), { 'gone' } (closed), { 'absent' } (there is none), { 'behind', epoch, op of the last change } (the store has not what came before) or
-- { 'ok', samples of ended utterances that are not final, revision of the partial to queue or -1, state, ticket to queue or 0, the utterance that it begins with }.
-- Events: 'speech_started', 'speech_ended', and 'closed' when it was finished and no final is awaited.
-- include: clock fields states work live
local change = cjson.decode(change_json)
local session = read(job_key, 'state', 'epoch', 'holder', 'position', 'op', 'count', 'started', 'open', unpack(TICKET_FIELDS))
local refused = refusal(session, epoch, holder)
if refused then return { refused, session.epoch, session.op } end
local state = session.state
local count = tonumber(session.count)
local told = false
local ticket, first = 0, 0
if session.op ~= change.op then
  if session.op ~= change.after or tonumber(session.position) ~= change.from then return { 'behind', session.epoch, session.op } end
  if audio ~= '' then redis.call('XADD', pcm_key, string.format('%.0f-0', change.to), 'b', audio) end
  local started = tonumber(session.started)
  if change.cleared then started = count end
  for _, event in ipairs(change.events) do
    if event.utterance >= count then
      if event.type == 'started' then
        if event.utterance >= started then
          tell('speech_started', event.body)
          started = event.utterance + 1
          told = true
        end
      else
        redis.call('HSET', chunks_key, event.utterance, format_planned(now_ms(), math.floor(event.samples / 16), event.planned))
        redis.call('RPUSH', pending_key, event.utterance)
        redis.call('HINCRBY', job_key, 'pending', event.samples)
        redis.call('HINCRBY', job_key, 'speechSamples', event.speechSamples)
        count = event.utterance + 1
        tell('speech_ended', event.body)
        told = true
      end
    end
  end
  redis.call('HSET', job_key, 'op', change.op, 'position', change.to, 'source', change.source, 'keepFrom', change.keepFrom, 'count', count, 'started', started)
  if change.decoder then redis.call('HSET', job_key, 'decoder', change.decoder) end
  if change.snapshot then redis.call('HSET', job_key, 'snapshot', change.snapshot, 'snapshotAt', change.snapshotAt) end
  local open = change.open
  if open then
    if session.open ~= tostring(open.utterance) then
      redis.call('HSET', job_key, 'open', open.utterance, 'partialTo', open.startSamples, 'partial', '', 'partialText', '', 'partialStable', '')
    end
    redis.call('HSET', job_key, 'openStart', open.startSamples, 'openEnd', open.endSamples, 'openSpeech', open.speechStartSamples, 'openResting', open.resting and 1 or 0)
  else
    redis.call('HSET', job_key, 'open', '', 'partial', '')
  end
  if change.finish and state ~= 'finishing' then
    state = 'finishing'
    change_state(job_key, session.state, state, 'end', change.finish)
  end
  if count > tonumber(session.count) then
    ticket, first = open_ticket(session)
    if ticket > 0 then redis.call('HSET', job_key, 'ticket', session.ticket, 'ticketOpen', session.ticketOpen) end
  end
  trim()
  if change.keepMs > 0 then redis.call('PEXPIRE', job_key, change.keepMs) end
  if told or change.keepMs > 0 then share_ttl(chunks_key, pending_key, tries_key, results_key, events_key, pcm_key) end
elseif tonumber(session.ticketOpen) == 1 then
  -- The reply that told of the ticket may have been lost.
  ticket, first = tonumber(session.ticket), tonumber(redis.call('LINDEX', pending_key, 0) or 0)
end
local revision = -1
if change.open and (change.partialAfter > 0 or change.open.resting) and state == 'open' then
  local held = read(job_key, 'partial', 'partialAtMs', 'partialTo')
  local now = now_ms()
  local free = not held.partial or held.partial == '' or now - tonumber(held.partialAtMs) > change.partialLostMs
  local grown = change.open.endSamples - tonumber(held.partialTo)
  if (free and change.partialAfter > 0 and grown >= change.partialAfter) or (change.open.resting and grown > 0) then
    revision = redis.call('HINCRBY', job_key, 'revisions', 1)
    redis.call('HSET', job_key, 'partial', revision, 'partialAtMs', now, 'partialTo', change.open.endSamples, 'interim', change.partialAfter > 0 and 1 or 0)
  end
end
if state == 'finishing' and tonumber(redis.call('HGET', job_key, 'front')) >= count then
  close(redis.call('HGET', job_key, 'end'))
  state = 'closed'
  told = true
end
if told then redis.call('PUBLISH', channel, 'events') end
return { 'ok', redis.call('HGET', job_key, 'pending'), revision, state, ticket, first }
