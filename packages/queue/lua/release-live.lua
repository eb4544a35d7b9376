-- The owner lets go; the session waits to be taken over.
-- KEYS: session
-- ARGV: epoch
-- Returns 1 when it was the owner's.
-- include: fields
local session = read(session_key, 'state', 'epoch')
if not session.state or session.state == 'closed' or session.epoch ~= epoch then return 0 end
redis.call('HSET', session_key, 'relay', '', 'partial', '')
if session.state == 'open' then redis.call('HSET', session_key, 'state', 'detached') end
return 1
