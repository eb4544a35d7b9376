-- The owner tells viewers something.
-- KEYS: job events
-- ARGV: epoch holder kind body channel
-- Returns 1 when it was told.
-- include: fields states work live
local session = read(job_key, 'state', 'epoch', 'holder')
if refusal(session, epoch, holder) then return 0 end
tell(kind, body)
share_ttl(events_key)
redis.call('PUBLISH', channel, 'events')
return 1
