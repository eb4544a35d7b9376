-- Closes the session at once; what is not final is dropped.
-- KEYS: job chunks pending tries results events pcm
-- ARGV: epoch holder reason channel
-- Returns 1 when this call closed it.
-- include: fields states work live
local session = read(job_key, 'state', 'epoch', 'holder')
if refusal(session, epoch, holder) then return 0 end
close(reason)
redis.call('PUBLISH', channel, 'events')
return 1
