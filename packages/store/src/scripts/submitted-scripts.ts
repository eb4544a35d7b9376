import type { Script } from './script.js';
import { EMIT, IS_FINAL, KEEP_LAST, NOW, SETTLE } from './job-words.js';

// Scripts that end a job take things away before they write: a Redis that is full lets a script write that has begun by deleting.

/**
 * Writes a job's manifest unless there is one.
 * Keys: job, chunks, pending, tries, results, events, terms. Arguments: lease in milliseconds, metadata or '', webhook or '', field, value, …
 * Answers when it was created (Unix milliseconds), or nil when the id is taken.
 */
export const createJob: Script = {
  name: 'murmCreateJob7',
  keys: 7,
  lua: `${NOW}
if redis.call('EXISTS', KEYS[1]) == 1 then return nil end
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
local now = now_ms()
redis.call('HSET', KEYS[1], 'startedAtMs', now, unpack(ARGV, 4))
if ARGV[2] ~= '' then redis.call('HSET', KEYS[7], 'metadata', ARGV[2]) end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[7], 'webhook', ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[7], ARGV[1])
return now`,
};

/**
 * Keeps a job that its API node still works on.
 * Keys: job, chunks, pending, tries, results, events, terms. Arguments: lease in milliseconds.
 * Answers 1; 0 when it is gone, accepted or cancelled: then its keys live by other rules.
 */
export const renewJob: Script = {
  name: 'murmRenewJob7',
  keys: 7,
  lua: `
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'acceptedAtMs') == 1 or redis.call('HEXISTS', KEYS[1], 'purged') == 1 then return 0 end
for i = 1, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
return 1`,
};

/**
 * Accepts a job whose chunks are all planned: it needs its API node no more, and stays until it is settled.
 * Keys: job, chunks, pending, tries, results, events, terms. Arguments: summary as JSON, duration in milliseconds, channel.
 * Answers the state: 'running' or 'assembling', also a second time; another when it has ended before; 'gone'. Events: 'accepted', then 'assembling' when everything is done already.
 */
export const acceptJob: Script = {
  name: 'murmAcceptJob7',
  keys: 7,
  lua: `${EMIT}${NOW}${SETTLE}
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'gone' end
if state ~= 'receiving' then return state end
state = 'running'
if redis.call('HGET', KEYS[1], 'planned') == redis.call('HGET', KEYS[1], 'done') then state = 'assembling' end
redis.call('HSET', KEYS[1], 'state', state, 'acceptedAtMs', now_ms(), 'summary', ARGV[1], 'durationMs', ARGV[2])
for i = 1, #KEYS do redis.call('PERSIST', KEYS[i]) end
emit(KEYS[6], ARGV[3], 'type', 'accepted')
if state == 'assembling' then
  emit(KEYS[6], ARGV[3], 'type', 'assembling')
  settle()
end
return state`,
};

/**
 * Takes a job back that was not accepted. Its last event is heard for a moment more.
 * Keys: job, chunks, pending, tries, results, events, terms. Arguments: 'failed' or 'cancelled', error record, channel, milliseconds that the events stay.
 * Answers 'gone', 'purged' (a client has deleted it: what is left of it stays) or 'withdrawn'.
 */
export const withdrawJob: Script = {
  name: 'murmWithdrawJob7',
  keys: 7,
  lua: `${EMIT}${IS_FINAL}
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'gone' end
if redis.call('HEXISTS', KEYS[1], 'purged') == 1 then return 'purged' end
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
if not is_final(state) then emit(KEYS[6], ARGV[3], 'type', ARGV[1], 'error', ARGV[2]) end
redis.call('UNLINK', KEYS[1], KEYS[7])
redis.call('PEXPIRE', KEYS[6], ARGV[4])
return 'withdrawn'`,
};

/**
 * Ends an assembled job: its transcript is there from now on for as long as it asked for. What it was to be decoded with goes.
 * Keys: job, events, transcript, chunks, pending, tries, results, terms. Arguments: transcript, language or '', channel, milliseconds that the manifest outlives the transcript, milliseconds that the stream outlives the end.
 * Answers the state afterwards or 'gone'. Event: 'done'.
 */
export const finishJob: Script = {
  name: 'murmFinishJob8',
  keys: 8,
  lua: `${EMIT}${NOW}
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'gone' end
if state ~= 'assembling' then return state end
local retention = tonumber(redis.call('HGET', KEYS[1], 'retentionSeconds')) * 1000
local now = now_ms()
redis.call('UNLINK', KEYS[4], KEYS[5], KEYS[6], KEYS[7])
redis.call('HDEL', KEYS[1], 'summary', 'textBefore', 'decode')
redis.call('SET', KEYS[3], ARGV[1], 'PX', retention)
redis.call('HSET', KEYS[1], 'state', 'done', 'finishedAtMs', now, 'expiresAtMs', now + retention, 'language', ARGV[2])
emit(KEYS[2], ARGV[3], 'type', 'done')
redis.call('PEXPIRE', KEYS[2], math.min(retention, tonumber(ARGV[5])))
redis.call('PEXPIRE', KEYS[8], retention)
redis.call('PEXPIRE', KEYS[1], retention + tonumber(ARGV[4]))
return 'done'`,
};

/**
 * Tidies up after a job that has failed.
 * Keys: job, events, chunks, pending, tries, results, terms. Arguments: milliseconds that the manifest outlives the events, the language asked for or ''.
 * Answers the state or 'gone'.
 */
export const closeJob: Script = {
  name: 'murmCloseJob7',
  keys: 7,
  lua: `
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'gone' end
if state ~= 'failed' or redis.call('HEXISTS', KEYS[1], 'expiresAtMs') == 1 then return state end
redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5], KEYS[6])
local retention = tonumber(redis.call('HGET', KEYS[1], 'retentionSeconds')) * 1000
redis.call('HDEL', KEYS[1], 'summary', 'textBefore', 'decode')
redis.call('HSET', KEYS[1], 'expiresAtMs', tonumber(redis.call('HGET', KEYS[1], 'finishedAtMs')) + retention, 'language', ARGV[2])
redis.call('PEXPIRE', KEYS[2], retention)
redis.call('PEXPIRE', KEYS[7], retention)
redis.call('PEXPIRE', KEYS[1], retention + tonumber(ARGV[1]))
return state`,
};

/**
 * Cancels a job that has not ended, and takes away what there is of any: of its events only the last stays, of its manifest a tombstone.
 * A message to its webhook that has not arrived goes too. Where this call ends an accepted job and its webhook asked for that, the address stays for as long as the last message may be tried.
 * Keys: job, events, transcript, chunks, pending, tries, results, terms, delivery, attempts.
 * Arguments: channel, milliseconds that the tombstone stays, milliseconds that the webhook's address stays.
 * Answers the state before, or 'gone'. Event: 'cancelled' when it had not ended.
 */
export const purgeJob: Script = {
  name: 'murmPurgeJob10',
  keys: 10,
  lua: `${EMIT}${NOW}${IS_FINAL}${KEEP_LAST}
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'gone' end
if redis.call('HEXISTS', KEYS[1], 'purged') == 1 then return state end
local now = now_ms()
local webhook = redis.call('HGET', KEYS[8], 'webhook')
if not is_final(state) and redis.call('HEXISTS', KEYS[1], 'acceptedAtMs') == 1 and webhook and string.find(webhook, '"job.cancelled"', 1, true) then
  redis.call('HDEL', KEYS[8], 'metadata')
  redis.call('PEXPIRE', KEYS[8], ARGV[3])
else
  redis.call('UNLINK', KEYS[8])
end
local derived = redis.call('EXISTS', KEYS[2]) == 0 and redis.call('EXISTS', KEYS[3]) == 1
redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[9], KEYS[10])
redis.call('HDEL', KEYS[1], 'summary', 'textBefore', 'decode')
redis.call('HSET', KEYS[1], 'purged', 1, 'expiresAtMs', now)
if not is_final(state) then
  redis.call('HSET', KEYS[1], 'state', 'cancelled', 'finishedAtMs', now)
  emit(KEYS[2], ARGV[1], 'type', 'cancelled')
end
-- The stream of a finished job is gone before its transcript; its last event stays as that of others does.
if derived then redis.call('XADD', KEYS[2], redis.call('HGET', KEYS[1], 'entries') .. '-1000000', 'type', state) end
keep_last(KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return state`,
};

/**
 * Takes over a claim of a job that is gone.
 * Keys: claim. Arguments: value that it must have, new value ('' takes it away), milliseconds of life.
 * Answers 1 when it had the value.
 */
export const replaceClaim: Script = {
  name: 'murmReplaceClaim1',
  keys: 1,
  lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`,
};

/**
 * Writes the message of a job's end to its webhook, unless it is there.
 * Keys: delivery. Arguments: milliseconds of life, field, value, …
 * Answers 1 when it was written.
 */
export const openDelivery: Script = {
  name: 'murmOpenDelivery1',
  keys: 1,
  lua: `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`,
};

/**
 * Keeps a turn that is still one's own.
 * Keys: turn. Arguments: its holder, milliseconds.
 * Answers 1 when it was.
 */
export const keepTurn: Script = {
  name: 'murmKeepTurn1',
  keys: 1,
  lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
};
