-- Closes the session at once; what is not final is dropped.
-- KEYS: session pcm utterances events tries results
-- ARGV: epoch holder reason channel
-- Returns 1 when this call closed it.
-- include: fields live
local session = read(session_key, 'state', 'epoch', 'holder')
if refusal(session, epoch, holder) then return 0 end
close(reason)
redis.call('PUBLISH', channel, 'events')
return 1
