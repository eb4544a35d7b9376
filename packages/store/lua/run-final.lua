-- A final's batch begins: until its result is taken this counts as a crash.
-- KEYS: session utterances tries
-- ARGV: utterance
-- include: fields
if redis.call('HEXISTS', utterances_key, utterance) == 0 then return 0 end
redis.call('HINCRBY', tries_key, 'c' .. utterance, 1)
share_ttl(tries_key)
return 1
