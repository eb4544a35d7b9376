-- The owner tells viewers something.
-- KEYS: session events
-- ARGV: epoch holder kind body channel
-- Returns 1 when it was told.
-- include: fields live
local session = read(session_key, 'state', 'epoch', 'holder')
if refusal(session, epoch, holder) then return 0 end
tell(kind, body)
share_ttl(events_key)
redis.call('PUBLISH', channel, 'events')
return 1
