-- Ends the time of a finished job's transcript now. Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job transcript terms
-- Returns 1, or 0 where there is none.
-- include: clock
if redis.call('UNLINK', transcript_key) == 0 then return 0 end
redis.call('UNLINK', terms_key)
if redis.call('EXISTS', job_key) == 1 then redis.call('HSET', job_key, 'expiresAtMs', now_ms()) end
return 1
