-- Takes a job back that was not accepted. Its last event is heard for a moment more.
-- Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job chunks pending tries results events terms
-- ARGV: kind error_record channel events_ms
-- kind: 'failed' or 'cancelled', as the last event says.
-- Returns 'gone', 'purged' (a client has deleted it: what is left of it stays) or 'withdrawn'.
-- include: fields states events
local job = read(job_key, 'state', 'purged')
if not job.state then return 'gone' end
if job.purged then return 'purged' end
redis.call('UNLINK', chunks_key, pending_key, tries_key, results_key)
if not is_final(job.state) then emit(events_key, channel, 'type', kind, 'error', error_record) end
redis.call('UNLINK', job_key, terms_key)
redis.call('PEXPIRE', events_key, events_ms)
return 'withdrawn'
