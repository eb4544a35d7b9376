-- Ends a job before its time. Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job events
-- ARGV: to error_record channel settle_channel
-- to: 'failed' or 'cancelled'. error_record: a record as JSON, or ''. settle_channel: '' for a job that nobody is to settle.
-- Returns 1 when this call ended it. Event: the state.
-- include: clock fields states events
local state = redis.call('HGET', job_key, 'state')
if not state or is_final(state) then return 0 end
redis.call('HDEL', job_key, 'textBefore')
change_state(job_key, state, to, 'error', error_record, 'finishedAtMs', now_ms())
emit(events_key, channel, 'type', to, 'error', error_record)
if settle_channel ~= '' then settle(settle_channel) end
return 1
