-- A worker picks a final up: its fence counts up.
-- KEYS: session utterances tries results
-- ARGV: utterance
-- Returns nil (closed, absent or already there) or fence, crashes before this time, decode options, what was planned, the latest text of an utterance that rested or ''.
-- include: fields
local session = read(session_key, 'state', 'decode', 'early')
if not session.state or session.state == 'closed' then return nil end
local planned = redis.call('HGET', utterances_key, utterance)
if not planned or redis.call('HEXISTS', results_key, utterance) == 1 then return nil end
local fence = redis.call('HINCRBY', tries_key, 'f' .. utterance, 1)
local crashes = tonumber(redis.call('HGET', tries_key, 'c' .. utterance) or '0')
share_ttl(tries_key)
return { fence, crashes, session.decode, planned, session.early or '' }
