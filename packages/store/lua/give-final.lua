-- Takes an utterance's final, once, and publishes all whose turn it is. Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job chunks pending tries results events pcm
-- job: the session's manifest.
-- ARGV: utterance fence planned result language error_body channel
-- planned: what the result is of; after a failover the utterance may have been planned anew. language: '' where none was found. error_body: the body of an event that is told before it, or ''.
-- Returns { ticket to queue or 0, the utterance that it begins with, lane, 'gone' | 'duplicate' | 'stale' | 'ok' }.
-- Events: 'error' (with an error), 'final' for each that the front passes, 'closed' after the last of a finished session.
-- include: fields states work give live
local session = read(job_key, 'front', 'count', 'pending', 'end', 'partialOf', 'partialId', unpack(TICKET_FIELDS))
if not has_items(session.state) then return { 0, 0, '', 'gone' } end
local answers, taken, repeated = accept(session, { { index = utterance, fence = fence, planned = planned } })
if #taken == 0 then
  local ticket, first = next_ticket(session, repeated)
  return { ticket, first, session.lane, answers[1] }
end
if error_body ~= '' then tell('error', error_body) end
local before = tonumber(session.front)
local front = pass_front(before, { [tonumber(utterance)] = result }, function(passed, body)
  if session.partialOf == tostring(passed) and session.partialId then redis.call('XDEL', events_key, session.partialId) end
  tell('final', body)
end)
local ticket, first = next_ticket(session, repeated)
redis.call('HSET', job_key, 'front', front, 'held', session.held, 'pending', session.pending - cjson.decode(planned).samples, 'ticket', session.ticket, 'ticketOpen', session.ticketOpen)
if language ~= '' then redis.call('HSET', job_key, 'language', language) end
share_ttl(events_key)
if session.state == 'finishing' and front >= tonumber(session.count) then
  close(session['end'])
elseif front > before then
  trim()
end
if front > before or error_body ~= '' then redis.call('PUBLISH', channel, 'events') end
return { ticket, first, session.lane, 'ok' }
