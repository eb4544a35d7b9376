import { KEEP_LAST } from '../scripts/job-words.js';
import type { Script } from '../scripts/script.js';
import { CLOSE, SHARE_TTL, TELL, TRIM } from './live-script-parts.js';

/**
 * The one way in which a session moves on: audio, what was heard in it, state of decoder and detector, all or nothing.
 * Keys: session, pcm, utterances, events, tries, results. Arguments: change (JSON), PCM or ''.
 * The change: `epoch`, `op` (unique a change; a repeated one is answered again and not done again), `from` and `to` (positions before and after),
 * `source`, `decoder`, `snapshot`, `snapshotAt`, `keepFrom`, `open` (the utterance in hand), `events`, `partialAfter` (samples after which the next
 * partial is due, 0 for none that is told; where the utterance rests, one is due at once: if it ends there, that is its final's text), `cleared`, `finish` (the reason) and times.
 * Answers { 'lost' } (a newer epoch owns it), { 'gone' } (closed or absent), { 'behind', position } (audio is missing or there already) or
 * { 'ok', samples of ended utterances that are not final, revision of the partial to queue or -1, state }.
 * Events: 'speech_started', 'speech_ended', and 'closed' when it was finished and nothing is waited for.
 */
export const changeLive: Script = {
  name: 'murmChangeLive6',
  keys: 6,
  lua: `${SHARE_TTL}${TELL}${TRIM}${CLOSE}
local change = cjson.decode(ARGV[1])
local now = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'position', 'op', 'count', 'started')
local state = now[1]
if not state or state == 'closed' then return { 'gone' } end
if tonumber(now[2]) ~= change.epoch then return { 'lost' } end
local count = tonumber(now[5])
local told = false
if now[4] ~= change.op then
  if tonumber(now[3]) ~= change.from then return { 'behind', now[3] } end
  if ARGV[2] ~= '' then redis.call('XADD', KEYS[2], string.format('%.0f-0', change.to), 'b', ARGV[2]) end
  local started = tonumber(now[6])
  if change.cleared then started = count end
  for _, event in ipairs(change.events) do
    if event.utterance >= count then
      if event.type == 'started' then
        if event.utterance >= started then
          tell(KEYS[4], 'speech_started', event.body)
          started = event.utterance + 1
          told = true
        end
      else
        redis.call('HSET', KEYS[3], event.utterance, event.planned)
        redis.call('HINCRBY', KEYS[1], 'pending', event.samples)
        redis.call('HINCRBY', KEYS[1], 'speechSamples', event.speechSamples)
        count = event.utterance + 1
        tell(KEYS[4], 'speech_ended', event.body)
        told = true
      end
    end
  end
  redis.call('HSET', KEYS[1], 'op', change.op, 'position', change.to, 'source', change.source, 'keepFrom', change.keepFrom, 'count', count, 'started', started)
  if change.decoder then redis.call('HSET', KEYS[1], 'decoder', change.decoder) end
  if change.snapshot then redis.call('HSET', KEYS[1], 'snapshot', change.snapshot, 'snapshotAt', change.snapshotAt) end
  if change.open then
    if redis.call('HGET', KEYS[1], 'open') ~= tostring(change.open.utterance) then
      redis.call('HSET', KEYS[1], 'open', change.open.utterance, 'partialTo', change.open.startSamples, 'partial', '', 'partialText', '', 'partialStable', '')
    end
    redis.call('HSET', KEYS[1], 'openStart', change.open.startSamples, 'openEnd', change.open.endSamples, 'openSpeech', change.open.speechStartSamples, 'openResting', change.open.resting and 1 or 0)
  else
    redis.call('HSET', KEYS[1], 'open', '', 'partial', '')
  end
  if change.finish and state ~= 'finishing' then
    state = 'finishing'
    redis.call('HSET', KEYS[1], 'state', state, 'end', change.finish)
  end
  trim(KEYS[2], KEYS[3])
  if told or change.keepMs > 0 then
    if change.keepMs > 0 then redis.call('PEXPIRE', KEYS[1], change.keepMs) end
    share_ttl({ KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6] })
  end
end
local revision = -1
if change.open and (change.partialAfter > 0 or change.open.resting) and state == 'open' then
  local partial = redis.call('HMGET', KEYS[1], 'partial', 'partialAtMs', 'partialTo')
  local free = not partial[1] or partial[1] == '' or change.nowMs - tonumber(partial[2]) > change.partialLostMs
  local grown = change.open.endSamples - tonumber(partial[3])
  if (free and change.partialAfter > 0 and grown >= change.partialAfter) or (change.open.resting and grown > 0) then
    revision = redis.call('HINCRBY', KEYS[1], 'revisions', 1)
    redis.call('HSET', KEYS[1], 'partial', revision, 'partialAtMs', change.nowMs, 'partialTo', change.open.endSamples, 'interim', change.partialAfter > 0 and 1 or 0)
  end
end
if state == 'finishing' and tonumber(redis.call('HGET', KEYS[1], 'front')) >= count then
  close(KEYS[4], { KEYS[2], KEYS[3], KEYS[5], KEYS[6] }, redis.call('HGET', KEYS[1], 'end'))
  state = 'closed'
  told = true
end
if told then redis.call('PUBLISH', change.wake, 'news') end
return { 'ok', redis.call('HGET', KEYS[1], 'pending'), revision, state }`,
};

/**
 * Makes the caller the session's owner: its epoch counts up, and whoever had it is told.
 * Keys: session, pcm, utterances, events, tries, results. Arguments: SHA-256 of the token or '' (any), owner ('' for none), '1' when the owner must be that,
 * relay, channel, time to live, epoch that it must have or ''.
 * Answers nil (no such session, not the caller's, or another epoch) or all fields, with the new epoch. A closed session is answered as it is.
 */
export const takeLive: Script = {
  name: 'murmTakeLive6',
  keys: 6,
  lua: `${SHARE_TTL}
local held = redis.call('HMGET', KEYS[1], 'state', 'token', 'owner', 'epoch')
if not held[1] then return nil end
if ARGV[1] ~= '' and held[2] ~= ARGV[1] then return nil end
if ARGV[3] == '1' and held[3] ~= ARGV[2] then return nil end
if ARGV[7] ~= '' and held[4] ~= ARGV[7] then return nil end
if held[1] ~= 'closed' then
  local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
  redis.call('HSET', KEYS[1], 'relay', ARGV[4], 'partial', '')
  if held[1] == 'detached' then redis.call('HSET', KEYS[1], 'state', 'open') end
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  share_ttl({ KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6] })
  redis.call('PUBLISH', ARGV[5], 'epoch ' .. epoch)
end
return redis.call('HGETALL', KEYS[1])`,
};

/**
 * Keeps the session for another while.
 * Keys: session, pcm, utterances, events, tries, results. Arguments: epoch, time to live.
 * Answers { 'gone' }, { 'lost' } or { 'ok', state, samples of ended utterances that are not final, finals published }.
 */
export const renewLive: Script = {
  name: 'murmRenewLive6',
  keys: 6,
  lua: `${SHARE_TTL}
local held = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'pending', 'front')
if not held[1] or held[1] == 'closed' then return { 'gone' } end
if held[2] ~= ARGV[1] then return { 'lost' } end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
share_ttl({ KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6] })
return { 'ok', held[1], held[3], held[4] }`,
};

/**
 * The owner lets go; the session waits to be taken over.
 * Keys: session. Arguments: epoch. Answers 1 when it was the owner's.
 */
export const releaseLive: Script = {
  name: 'murmReleaseLive1',
  keys: 1,
  lua: `
local held = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if not held[1] or held[1] == 'closed' or held[2] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'relay', '', 'partial', '')
if held[1] == 'open' then redis.call('HSET', KEYS[1], 'state', 'detached') end
return 1`,
};

/**
 * The owner tells viewers something.
 * Keys: session, events. Arguments: epoch, type, body, channel. Answers 1 when it was told.
 */
export const tellLive: Script = {
  name: 'murmTellLive2',
  keys: 2,
  lua: `${SHARE_TTL}${TELL}
local held = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if not held[1] or held[1] == 'closed' or held[2] ~= ARGV[1] then return 0 end
tell(KEYS[2], ARGV[2], ARGV[3])
share_ttl({ KEYS[2] })
redis.call('PUBLISH', ARGV[4], 'news')
return 1`,
};

/**
 * Closes the session at once; what is not final is dropped.
 * Keys: session, pcm, utterances, events, tries, results. Arguments: epoch, reason, channel.
 * Answers 1 when this call closed it.
 */
export const closeLive: Script = {
  name: 'murmCloseLive6',
  keys: 6,
  lua: `${TELL}${CLOSE}
local held = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if not held[1] or held[1] == 'closed' or held[2] ~= ARGV[1] then return 0 end
close(KEYS[4], { KEYS[2], KEYS[3], KEYS[5], KEYS[6] }, ARGV[2])
redis.call('PUBLISH', ARGV[3], 'news')
return 1`,
};

/**
 * Deletes the session, whoever owns it: it closes at once, and of what it was nothing stays but its last event, for a moment, so that those who follow it hear of the end.
 * Keys: session, pcm, utterances, events, tries, results. Arguments: channel, milliseconds of that moment.
 * Answers nil (no such session) or the model's slug and the utterances whose final is awaited.
 */
export const eraseLive: Script = {
  name: 'murmEraseLive6',
  keys: 6,
  lua: `${TELL}${CLOSE}${KEEP_LAST}
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return nil end
local awaited = redis.call('HKEYS', KEYS[3])
if state ~= 'closed' then close(KEYS[4], { KEYS[2], KEYS[3], KEYS[5], KEYS[6] }, 'cancelled') end
local slug = redis.call('HGET', KEYS[1], 'slug')
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= 'state' and field ~= 'epoch' and field ~= 'token' and field ~= 'owner' and field ~= 'owned' then redis.call('HDEL', KEYS[1], field) end
end
keep_last(KEYS[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[4], ARGV[2])
redis.call('PUBLISH', ARGV[1], 'news')
return { slug or '', unpack(awaited) }`,
};
