-- Makes the caller the session's holder: its epoch counts up, and whoever had it is told. After a failover two may have counted to the same epoch:
-- the holder, a random id, tells them apart.
-- KEYS: job chunks pending tries results events pcm
-- ARGV: token_hash owner owner_counts relay holder channel keep_ms epoch most_attempts error
-- token_hash: SHA-256 of the token, or '' for any. owner: '' for none; it must be that where owner_counts is '1'. epoch: what the session must have, or ''.
-- most_attempts: for a session that nobody has, how often relays may take it in order to finish it; '' where that is not counted. error: the body that is told beyond it,
-- and of a session that a version without tickets began: its utterances are on no list that can be worked off.
-- Returns nil (no such session, not the caller's, or another epoch) or { now in Unix milliseconds, all fields with the new epoch }. A closed session is answered as it is.
-- Events: 'error' and 'closed' where it cannot go on.
-- include: clock fields states work live
local session = read(job_key, 'state', 'token', 'owner', 'epoch', 'ticket')
if not session.state then return nil end
if token_hash ~= '' and session.token ~= token_hash then return nil end
if owner_counts == '1' and session.owner ~= owner then return nil end
if epoch ~= '' and session.epoch ~= epoch then return nil end
local function cannot_go_on()
  return not session.ticket or (most_attempts ~= '' and redis.call('HINCRBY', job_key, 'attempts', 1) > tonumber(most_attempts))
end
if session.state ~= 'closed' and cannot_go_on() then
  tell('error', error)
  close('failed')
  redis.call('PUBLISH', channel, 'events')
elseif session.state ~= 'closed' then
  if token_hash ~= '' then redis.call('HDEL', job_key, 'attempts') end
  local taken = redis.call('HINCRBY', job_key, 'epoch', 1)
  redis.call('HSET', job_key, 'relay', relay, 'holder', holder, 'partial', '')
  if session.state == 'detached' then change_state(job_key, session.state, 'open') end
  redis.call('PEXPIRE', job_key, keep_ms)
  share_ttl(chunks_key, pending_key, tries_key, results_key, events_key, pcm_key)
  redis.call('PUBLISH', channel, 'epoch ' .. taken .. ' ' .. holder)
end
return { now_ms(), redis.call('HGETALL', job_key) }
