-- Takes an utterance's final, once, and publishes all whose turn it is.
-- KEYS: session pcm utterances events tries results
-- ARGV: utterance fence planned body language error channel
-- planned: what the result is of; after a failover the utterance may have been planned anew. language: '' where none was found. error: the body of an event that is told before it, or ''.
-- Returns 'gone', 'duplicate', 'stale' or 'ok'.
-- Events: 'error' (with an error), 'final' for each that the front passes, 'closed' after the last of a finished session.
-- include: fields live
local session = read(session_key, 'state', 'front', 'count', 'end', 'partialOf', 'partialId')
if not session.state or session.state == 'closed' then return 'gone' end
local front = tonumber(session.front)
if tonumber(utterance) < front or redis.call('HEXISTS', results_key, utterance) == 1 then return 'duplicate' end
if redis.call('HGET', tries_key, 'f' .. utterance) ~= fence or redis.call('HGET', utterances_key, utterance) ~= planned then return 'stale' end
redis.call('HSET', results_key, utterance, body)
redis.call('HDEL', tries_key, 'f' .. utterance, 'c' .. utterance)
if language ~= '' then redis.call('HSET', session_key, 'language', language) end
if error ~= '' then tell('error', error) end
local moved = false
while true do
  local result = redis.call('HGET', results_key, front)
  if not result then break end
  if session.partialOf == tostring(front) and session.partialId then redis.call('XDEL', events_key, session.partialId) end
  tell('final', result)
  redis.call('HDEL', results_key, front)
  redis.call('HINCRBY', session_key, 'pending', -cjson.decode(redis.call('HGET', utterances_key, front)).samples)
  redis.call('HDEL', utterances_key, front)
  front = front + 1
  moved = true
end
redis.call('HSET', session_key, 'front', front)
share_ttl(events_key, results_key)
if session.state == 'finishing' and front >= tonumber(session.count) then
  close(session['end'])
elseif moved then
  trim()
end
if moved or error ~= '' then redis.call('PUBLISH', channel, 'events') end
return 'ok'
