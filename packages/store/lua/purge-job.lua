-- Cancels a job that has not ended, and takes away what there is of any: of its events only the last stays, of its manifest a tombstone.
-- A message to its webhook that has not arrived goes too. Where this call ends an accepted job and its webhook asked for that, the address stays for as long as the last message may be tried.
-- Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job events transcript chunks pending tries results terms delivery attempts
-- ARGV: channel tombstone_ms address_ms
-- Returns the state before, or 'gone'. Event: 'cancelled' when it had not ended.
-- include: clock fields states events keep-last
local job = read(job_key, 'state', 'purged', 'acceptedAtMs')
if not job.state then return 'gone' end
if job.purged then return job.state end
local now = now_ms()
local webhook = redis.call('HGET', terms_key, 'webhook')
if not is_final(job.state) and job.acceptedAtMs and webhook and string.find(webhook, '"job.cancelled"', 1, true) then
  redis.call('HDEL', terms_key, 'metadata')
  redis.call('PEXPIRE', terms_key, address_ms)
else
  redis.call('UNLINK', terms_key)
end
local derived = redis.call('EXISTS', events_key) == 0 and redis.call('EXISTS', transcript_key) == 1
redis.call('UNLINK', transcript_key, chunks_key, pending_key, tries_key, results_key, delivery_key, attempts_key)
redis.call('HDEL', job_key, 'summary', 'textBefore', 'decode')
redis.call('HSET', job_key, 'purged', 1, 'expiresAtMs', now)
if not is_final(job.state) then
  change_state(job_key, job.state, 'cancelled', 'finishedAtMs', now)
  emit(events_key, channel, 'type', 'cancelled')
end
-- The stream of a finished job is gone before its transcript; its last event stays as that of others does.
if derived then redis.call('XADD', events_key, redis.call('HGET', job_key, 'entries') .. '-1000000', 'type', job.state) end
keep_last(events_key)
redis.call('PEXPIRE', events_key, tombstone_ms)
redis.call('PEXPIRE', job_key, tombstone_ms)
return job.state
