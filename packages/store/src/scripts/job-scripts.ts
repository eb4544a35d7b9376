import type { Script } from './script.js';
import { EMIT, NOW, SETTLE, SHARE_TTL } from './job-words.js';

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
