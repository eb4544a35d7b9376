-- The one way in which a session moves on: audio, what was heard in it, state of decoder and detector, all or nothing.
-- KEYS: session pcm utterances events tries results
-- ARGV: epoch holder change_json audio channel
-- change: `op` (unique a change; a repeated one is answered again and not done again), `after` (the op of the change before), `from` and `to` (positions before and after), `source`, `decoder`,
-- `snapshot`, `snapshotAt`, `keepFrom`, `open` (the utterance in progress), `events`, `partialAfter` (samples after which the next partial is due, 0 for none that
-- is told; where the utterance rests, one is due at once: if it ends there, that is its final's text), `partialLostMs`, `cleared`, `finish` (the reason), `keepMs` (time to live, 0 to leave it).
-- Returns { 'lost' } (another holder has taken it), { 'gone' } (closed or absent), { 'behind', epoch, op of the last change } (the store has not what came before) or
-- { 'ok', samples of ended utterances that are not final, revision of the partial to queue or -1, state }.
-- Events: 'speech_started', 'speech_ended', and 'closed' when it was finished and no final is awaited.
-- include: clock fields live
local change = cjson.decode(change_json)
local session = read(session_key, 'state', 'epoch', 'holder', 'position', 'op', 'count', 'started', 'open')
local refused = refusal(session, epoch, holder)
if refused then return { refused, session.epoch, session.op } end
local state = session.state
local count = tonumber(session.count)
local told = false
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
        redis.call('HSET', utterances_key, event.utterance, event.planned)
        redis.call('HINCRBY', session_key, 'pending', event.samples)
        redis.call('HINCRBY', session_key, 'speechSamples', event.speechSamples)
        count = event.utterance + 1
        tell('speech_ended', event.body)
        told = true
      end
    end
  end
  redis.call('HSET', session_key, 'op', change.op, 'position', change.to, 'source', change.source, 'keepFrom', change.keepFrom, 'count', count, 'started', started)
  if change.decoder then redis.call('HSET', session_key, 'decoder', change.decoder) end
  if change.snapshot then redis.call('HSET', session_key, 'snapshot', change.snapshot, 'snapshotAt', change.snapshotAt) end
  local open = change.open
  if open then
    if session.open ~= tostring(open.utterance) then
      redis.call('HSET', session_key, 'open', open.utterance, 'partialTo', open.startSamples, 'partial', '', 'partialText', '', 'partialStable', '')
    end
    redis.call('HSET', session_key, 'openStart', open.startSamples, 'openEnd', open.endSamples, 'openSpeech', open.speechStartSamples, 'openResting', open.resting and 1 or 0)
  else
    redis.call('HSET', session_key, 'open', '', 'partial', '')
  end
  if change.finish and state ~= 'finishing' then
    state = 'finishing'
    redis.call('HSET', session_key, 'state', state, 'end', change.finish)
  end
  trim()
  if change.keepMs > 0 then redis.call('PEXPIRE', session_key, change.keepMs) end
  if told or change.keepMs > 0 then share_ttl(pcm_key, utterances_key, events_key, tries_key, results_key) end
end
local revision = -1
if change.open and (change.partialAfter > 0 or change.open.resting) and state == 'open' then
  local held = read(session_key, 'partial', 'partialAtMs', 'partialTo')
  local now = now_ms()
  local free = not held.partial or held.partial == '' or now - tonumber(held.partialAtMs) > change.partialLostMs
  local grown = change.open.endSamples - tonumber(held.partialTo)
  if (free and change.partialAfter > 0 and grown >= change.partialAfter) or (change.open.resting and grown > 0) then
    revision = redis.call('HINCRBY', session_key, 'revisions', 1)
    redis.call('HSET', session_key, 'partial', revision, 'partialAtMs', now, 'partialTo', change.open.endSamples, 'interim', change.partialAfter > 0 and 1 or 0)
  end
end
if state == 'finishing' and tonumber(redis.call('HGET', session_key, 'front')) >= count then
  close(redis.call('HGET', session_key, 'end'))
  state = 'closed'
  told = true
end
if told then redis.call('PUBLISH', channel, 'events') end
return { 'ok', redis.call('HGET', session_key, 'pending'), revision, state }
