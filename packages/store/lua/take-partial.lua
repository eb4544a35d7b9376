-- Takes a partial, if its utterance is still open and no newer one is wanted; the one before leaves the stream.
-- KEYS: job events
-- ARGV: utterance revision body text stable_text channel early
-- body: '' where nothing came of it. early: what an utterance that rested was recognized as, or ''.
-- Returns 1 when it was published.
-- include: fields states work live
local session = read(job_key, 'state', 'open', 'partial', 'partialId')
if early ~= '' and session.state == 'open' then redis.call('HSET', job_key, 'early', early) end
if session.partial ~= revision then return 0 end
redis.call('HSET', job_key, 'partial', '')
if session.state ~= 'open' or session.open ~= utterance or body == '' then return 0 end
if session.partialId then redis.call('XDEL', events_key, session.partialId) end
local id = tell('partial', body)
redis.call('HSET', job_key, 'partialOf', utterance, 'partialId', id, 'partialText', text, 'partialStable', stable_text)
share_ttl(events_key)
redis.call('PUBLISH', channel, 'events')
return 1
