-- Fails a job because of one of its items. Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job chunks tries events
-- ARGV: index fence error_record channel settle_channel
-- Returns 'ok', 'stale' (another worker has taken the item since), 'duplicate' (its result is there) or 'gone' (the job has ended).
-- Event: 'failed'.
-- include: clock fields states work events
local state = redis.call('HGET', job_key, 'state')
if not has_items(state) then return 'gone' end
local text = redis.call('HGET', tries_key, index)
if not text then return redis.call('HEXISTS', chunks_key, index) == 1 and 'stale' or 'duplicate' end
if parse_record(text).fence ~= tonumber(fence) then return 'stale' end
redis.call('HDEL', tries_key, index)
change_state(job_key, state, 'failed', 'error', error_record, 'finishedAtMs', now_ms())
emit(events_key, channel, 'type', 'failed', 'error', error_record)
settle(settle_channel)
return 'ok'
