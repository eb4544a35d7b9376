-- Ends an assembled job: its transcript is there from now on for as long as it asked for. What it was to be decoded with goes.
-- Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job events transcript chunks pending tries results terms
-- ARGV: result language channel manifest_outlives_ms stream_outlives_ms
-- result: the transcript, packed. language: '' for none. manifest_outlives_ms: how long the manifest stays after the transcript; stream_outlives_ms: the stream after the end.
-- Returns the state afterwards or 'gone'. Event: 'done'.
-- include: clock fields states events
local job = read(job_key, 'state', 'retentionSeconds')
if not job.state then return 'gone' end
if job.state ~= 'assembling' then return job.state end
local retention_ms = job.retentionSeconds * 1000
local now = now_ms()
redis.call('UNLINK', chunks_key, pending_key, tries_key, results_key)
redis.call('HDEL', job_key, 'summary', 'textBefore', 'decode')
redis.call('SET', transcript_key, result, 'PX', retention_ms)
change_state(job_key, job.state, 'done', 'finishedAtMs', now, 'expiresAtMs', now + retention_ms, 'language', language)
emit(events_key, channel, 'type', 'done')
redis.call('PEXPIRE', events_key, math.min(retention_ms, tonumber(stream_outlives_ms)))
redis.call('PEXPIRE', terms_key, retention_ms)
redis.call('PEXPIRE', job_key, retention_ms + manifest_outlives_ms)
return 'done'
