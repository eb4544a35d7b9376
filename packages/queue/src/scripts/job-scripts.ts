import type { Script } from './script.js';
import { EMIT, NOW, SETTLE, SHARE_TTL } from './job-words.js';

/** A job whose chunks go one by one (until its language is found, or because each continues the text before) has a window of 1. */
const WINDOW = `
local function window_of(shared)
  local one_by_one = redis.call('HMGET', KEYS[1], 'awaitsLanguage', 'continuesText')
  if one_by_one[1] == '1' or one_by_one[2] == '1' then return 1 end
  return tonumber(shared)
end
`;

/**
 * Adds a planned chunk whose PCM is stored.
 * Keys: job, chunks, pending. Arguments: index, planned chunk, window, audio milliseconds.
 * Answers 'gone' (no such job, or it has ended), 'queue' (the caller queues it) or 'wait' (a result queues it later).
 */
export const addChunk: Script = {
  name: 'murmAddChunk3',
  keys: 3,
  lua: `${SHARE_TTL}${WINDOW}
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'receiving' then return 'gone' end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[1], 'planned', 1)
redis.call('HINCRBYFLOAT', KEYS[1], 'plannedMs', ARGV[4])
local answer = 'wait'
if tonumber(redis.call('HGET', KEYS[1], 'queued')) < window_of(ARGV[3]) then
  redis.call('HINCRBY', KEYS[1], 'queued', 1)
  answer = 'queue'
else
  redis.call('RPUSH', KEYS[3], ARGV[1])
end
share_ttl(2)
return answer`,
};

/**
 * Says that all chunks are planned.
 * Keys: job, events. Arguments: channel.
 * Answers the job's state. Event: 'assembling' when everything is done already.
 */
export const endOfChunks: Script = {
  name: 'murmEndOfChunks2',
  keys: 2,
  lua: `${SHARE_TTL}${EMIT}
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'receiving' then return state end
state = 'running'
if redis.call('HGET', KEYS[1], 'planned') == redis.call('HGET', KEYS[1], 'done') then
  state = 'assembling'
  emit(KEYS[2], ARGV[1], 'type', 'assembling')
end
redis.call('HSET', KEYS[1], 'state', state)
share_ttl(2)
return state`,
};

/**
 * A worker picks a chunk up: its fence counts up.
 * Keys: job, chunks, tries, results. Arguments: index.
 * Answers nil (ended, absent or already done) or fence, crashes before this time, decode options, planned chunk, text before or '',
 * 1 when the job is accepted for good.
 */
export const beginChunk: Script = {
  name: 'murmBeginChunk4',
  keys: 4,
  lua: `${SHARE_TTL}
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'receiving' and state ~= 'running' then return nil end
local chunk = redis.call('HGET', KEYS[2], ARGV[1])
if not chunk or redis.call('HEXISTS', KEYS[4], ARGV[1]) == 1 then return nil end
local front = tonumber(redis.call('HGET', KEYS[1], 'front'))
if tonumber(ARGV[1]) < front then return nil end
local fence = redis.call('HINCRBY', KEYS[3], 'f' .. ARGV[1], 1)
local crashes = tonumber(redis.call('HGET', KEYS[3], 'c' .. ARGV[1]) or '0')
share_ttl(2)
return { fence, crashes, redis.call('HGET', KEYS[1], 'decode'), chunk, redis.call('HGET', KEYS[1], 'textBefore') or '', redis.call('HEXISTS', KEYS[1], 'acceptedAtMs') }`,
};

/**
 * A chunk's batch begins: until its result is taken this counts as a crash.
 * Keys: job, tries. Arguments: index.
 */
export const beginRun: Script = {
  name: 'murmBeginRun2',
  keys: 2,
  lua: `${SHARE_TTL}
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'receiving' and state ~= 'running' then return 0 end
redis.call('HINCRBY', KEYS[2], 'c' .. ARGV[1], 1)
share_ttl(2)
return 1`,
};

/**
 * Takes a chunk's result, once.
 * Keys: job, tries, results, events, pending, chunks. Arguments: index, fence, result, audio milliseconds, window, channel,
 * decode options with the language found or '', text of the chunk.
 * Answers { 'stale' | 'duplicate' | 'gone' } or { 'ok', index to queue next, … }.
 * Events: 'result' for each that the contiguous front passes, then 'assembling' after the last.
 */
export const takeResult: Script = {
  name: 'murmTakeResult6',
  keys: 6,
  lua: `${SHARE_TTL}${WINDOW}${EMIT}${SETTLE}
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'receiving' and state ~= 'running' then return { 'gone' } end
local front = tonumber(redis.call('HGET', KEYS[1], 'front'))
if tonumber(ARGV[1]) < front or redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then return { 'duplicate' } end
if redis.call('HGET', KEYS[2], 'f' .. ARGV[1]) ~= ARGV[2] then return { 'stale' } end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], 'c' .. ARGV[1])
local done = redis.call('HINCRBY', KEYS[1], 'done', 1)
local done_ms = redis.call('HINCRBYFLOAT', KEYS[1], 'doneMs', ARGV[4])
local queued = redis.call('HINCRBY', KEYS[1], 'queued', -1)
local planned_ms = redis.call('HGET', KEYS[1], 'plannedMs')
while true do
  local result = redis.call('HGET', KEYS[3], front)
  if not result then break end
  emit(KEYS[4], ARGV[6], 'type', 'result', 'result', result, 'doneMs', done_ms, 'plannedMs', planned_ms)
  redis.call('HDEL', KEYS[3], front)
  front = front + 1
end
redis.call('HSET', KEYS[1], 'front', front)
if state == 'running' and done == tonumber(redis.call('HGET', KEYS[1], 'planned')) then
  redis.call('HSET', KEYS[1], 'state', 'assembling')
  emit(KEYS[4], ARGV[6], 'type', 'assembling')
  settle()
end
if ARGV[7] ~= '' and redis.call('HGET', KEYS[1], 'awaitsLanguage') == '1' then
  redis.call('HSET', KEYS[1], 'decode', ARGV[7], 'awaitsLanguage', 0)
end
if redis.call('HGET', KEYS[1], 'continuesText') == '1' then redis.call('HSET', KEYS[1], 'textBefore', ARGV[8]) end
local answer = { 'ok' }
local window = window_of(ARGV[5])
while queued < window do
  local next_index = redis.call('LPOP', KEYS[5])
  if not next_index then break end
  queued = redis.call('HINCRBY', KEYS[1], 'queued', 1)
  answer[#answer + 1] = next_index
end
share_ttl(2)
return answer`,
};

/**
 * Ends a job before its time.
 * Keys: job, events. Arguments: state ('failed' or 'cancelled'), error record or '', channel.
 * Answers 1 when this call ended it. Event: the state.
 */
export const endJob: Script = {
  name: 'murmEndJob2',
  keys: 2,
  lua: `${SHARE_TTL}${EMIT}${NOW}${SETTLE}
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'failed' or state == 'cancelled' or state == 'done' then return 0 end
-- A Redis that is full lets a script write that has begun by deleting.
redis.call('HDEL', KEYS[1], 'textBefore')
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'error', ARGV[2], 'finishedAtMs', now_ms())
emit(KEYS[2], ARGV[3], 'type', ARGV[1], 'error', ARGV[2])
settle()
share_ttl(2)
return 1`,
};

/**
 * Chunks that should be on the queue: planned, not pending, not done.
 * Keys: job, chunks, pending, results. Answers their indexes.
 */
export const openChunks: Script = {
  name: 'murmOpenChunks4',
  keys: 4,
  lua: `
local front = tonumber(redis.call('HGET', KEYS[1], 'front') or '0')
local waiting = {}
for _, index in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do waiting[index] = true end
local open = {}
for _, index in ipairs(redis.call('HKEYS', KEYS[2])) do
  if tonumber(index) >= front and not waiting[index] and redis.call('HEXISTS', KEYS[4], index) == 0 then open[#open + 1] = index end
end
return open`,
};
