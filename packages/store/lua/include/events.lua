-- Needs include fields and the key job.

-- emit(stream, channel, field, value, …): appends the next entry to the job's stream and wakes its readers.
-- The n-th entry has the id n-1000000, so that what is derived from it has room for ids before it.
local function emit(stream, channel, ...)
  local n = redis.call('HINCRBY', job_key, 'entries', 1)
  redis.call('XADD', stream, n .. '-1000000', ...)
  if n == 1 then share_ttl(stream) end
  redis.call('PUBLISH', channel, '1')
end

-- settle(): calls an accepted job out, so that some node brings it to its end. Nobody's request waits for it.
local function settle(channel)
  if redis.call('HEXISTS', job_key, 'acceptedAtMs') == 1 then redis.call('PUBLISH', channel, redis.call('HGET', job_key, 'id')) end
end
