-- Closes the session at once; what is not final is dropped.
-- KEYS: session pcm utterances events tries results
-- ARGV: epoch reason channel
-- Returns 1 when this call closed it.
-- include: fields live
local session = read(session_key, 'state', 'epoch')
if not session.state or session.state == 'closed' or session.epoch ~= epoch then return 0 end
close(reason)
redis.call('PUBLISH', channel, 'news')
return 1
