-- The owner lets go; the session waits to be taken over.
-- KEYS: job
-- ARGV: epoch holder
-- Returns 1 when it was the owner's.
-- include: fields states work live
local session = read(job_key, 'state', 'epoch', 'holder')
if refusal(session, epoch, holder) then return 0 end
redis.call('HSET', job_key, 'relay', '', 'partial', '')
-- An owner that hands it over in order has not failed with it.
redis.call('HDEL', job_key, 'attempts')
if session.state == 'open' then change_state(job_key, session.state, 'detached') end
return 1
