-- The owner lets go; the session waits to be taken over.
-- KEYS: session
-- ARGV: epoch holder
-- Returns 1 when it was the owner's.
-- include: fields live
local session = read(session_key, 'state', 'epoch', 'holder')
if refusal(session, epoch, holder) then return 0 end
redis.call('HSET', session_key, 'relay', '', 'partial', '')
-- An owner that hands it over in order has not failed with it.
redis.call('HDEL', session_key, 'attempts')
if session.state == 'open' then redis.call('HSET', session_key, 'state', 'detached') end
return 1
