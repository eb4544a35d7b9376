import type { Script } from '../scripts/script.js';
import { CLOSE, SHARE_TTL, TELL, TRIM } from './live-script-parts.js';

/**
 * A worker picks a final up: its fence counts up.
 * Keys: session, utterances, tries, results. Arguments: utterance.
 * Answers nil (closed, absent or already there) or fence, crashes before this time, decode options, what was planned, the latest early text or ''.
 */
export const beginFinal: Script = {
  name: 'murmBeginFinal4',
  keys: 4,
  lua: `${SHARE_TTL}
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'closed' then return nil end
local planned = redis.call('HGET', KEYS[2], ARGV[1])
if not planned or redis.call('HEXISTS', KEYS[4], ARGV[1]) == 1 then return nil end
local fence = redis.call('HINCRBY', KEYS[3], 'f' .. ARGV[1], 1)
local crashes = tonumber(redis.call('HGET', KEYS[3], 'c' .. ARGV[1]) or '0')
share_ttl({ KEYS[3] })
return { fence, crashes, redis.call('HGET', KEYS[1], 'decode'), planned, redis.call('HGET', KEYS[1], 'early') or '' }`,
};

/**
 * A final's batch begins: until its result is taken this counts as a crash.
 * Keys: session, utterances, tries. Arguments: utterance.
 */
export const runFinal: Script = {
  name: 'murmRunFinal3',
  keys: 3,
  lua: `${SHARE_TTL}
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[3], 'c' .. ARGV[1], 1)
share_ttl({ KEYS[3] })
return 1`,
};

/**
 * Takes an utterance's final, once, and publishes all whose turn it is.
 * Keys: session, pcm, utterances, events, tries, results. Arguments: utterance, fence, body, language or '', error body or '', channel.
 * Answers 'gone' | 'duplicate' | 'stale' | 'ok'.
 * Events: 'error' (with an error), 'final' for each that the front passes, 'closed' after the last of a finished session.
 */
export const takeFinal: Script = {
  name: 'murmTakeFinal6',
  keys: 6,
  lua: `${SHARE_TTL}${TELL}${TRIM}${CLOSE}
local held = redis.call('HMGET', KEYS[1], 'state', 'front', 'count', 'end', 'partialOf', 'partialId')
if not held[1] or held[1] == 'closed' then return 'gone' end
local front = tonumber(held[2])
if tonumber(ARGV[1]) < front or redis.call('HEXISTS', KEYS[6], ARGV[1]) == 1 then return 'duplicate' end
if redis.call('HGET', KEYS[5], 'f' .. ARGV[1]) ~= ARGV[2] then return 'stale' end
redis.call('HSET', KEYS[6], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[5], 'f' .. ARGV[1], 'c' .. ARGV[1])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'language', ARGV[4]) end
if ARGV[5] ~= '' then tell(KEYS[4], 'error', ARGV[5]) end
local moved = false
while true do
  local body = redis.call('HGET', KEYS[6], front)
  if not body then break end
  if held[5] == tostring(front) and held[6] then redis.call('XDEL', KEYS[4], held[6]) end
  tell(KEYS[4], 'final', body)
  redis.call('HDEL', KEYS[6], front)
  redis.call('HINCRBY', KEYS[1], 'pending', -cjson.decode(redis.call('HGET', KEYS[3], front)).samples)
  redis.call('HDEL', KEYS[3], front)
  front = front + 1
  moved = true
end
redis.call('HSET', KEYS[1], 'front', front)
share_ttl({ KEYS[4], KEYS[6] })
if held[1] == 'finishing' and front >= tonumber(held[3]) then
  close(KEYS[4], { KEYS[2], KEYS[3], KEYS[5], KEYS[6] }, held[4])
elseif moved then
  trim(KEYS[2], KEYS[3])
end
if moved or ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[6], 'news') end
return 'ok'`,
};

/**
 * A worker picks a partial up, as far as the utterance goes by now.
 * Keys: session. Arguments: utterance, revision.
 * Answers nil (the utterance has ended, or a newer partial is wanted) or start and end of the audio, start of the speech, decode options,
 * text of the partial before, its stable beginning, '1' where the utterance rests, '1' where partials are told.
 */
export const beginPartial: Script = {
  name: 'murmBeginPartial1',
  keys: 1,
  lua: `
local held = redis.call('HMGET', KEYS[1], 'state', 'open', 'partial', 'openStart', 'openEnd', 'openSpeech', 'decode', 'partialText', 'partialStable', 'openResting', 'interim')
if held[1] ~= 'open' or held[2] ~= ARGV[1] or held[3] ~= ARGV[2] then return nil end
redis.call('HSET', KEYS[1], 'partialTo', held[5])
return { held[4], held[5], held[6], held[7], held[8] or '', held[9] or '', held[10] or '', held[11] or '' }`,
};

/**
 * Takes a partial, if its utterance is still open and no newer one is wanted; the one before leaves the stream.
 * Keys: session, events. Arguments: utterance, revision, body or '' (nothing came of it), text, stable beginning, channel,
 * what an utterance that rested was recognized as or ''.
 * Answers 1 when it was published.
 */
export const takePartial: Script = {
  name: 'murmTakePartial2',
  keys: 2,
  lua: `${SHARE_TTL}${TELL}
local held = redis.call('HMGET', KEYS[1], 'state', 'open', 'partial', 'partialId')
if ARGV[7] ~= '' and held[1] == 'open' then redis.call('HSET', KEYS[1], 'early', ARGV[7]) end
if held[3] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'partial', '')
if held[1] ~= 'open' or held[2] ~= ARGV[1] or ARGV[3] == '' then return 0 end
if held[4] then redis.call('XDEL', KEYS[2], held[4]) end
local id = tell(KEYS[2], 'partial', ARGV[3])
redis.call('HSET', KEYS[1], 'partialOf', ARGV[1], 'partialId', id, 'partialText', ARGV[4], 'partialStable', ARGV[5])
share_ttl({ KEYS[2] })
redis.call('PUBLISH', ARGV[6], 'news')
return 1`,
};
