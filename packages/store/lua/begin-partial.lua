-- A worker picks a partial up, as far as the utterance goes by now.
-- KEYS: job
-- ARGV: utterance revision
-- Returns nil (the utterance has ended, or a newer partial is wanted) or start and end of the audio, start of the speech, decode options,
-- text of the partial before, its stable beginning, '1' where the utterance rests, '1' where partials are told.
-- include: fields
local session = read(job_key, 'state', 'open', 'partial', 'openStart', 'openEnd', 'openSpeech', 'decode', 'partialText', 'partialStable', 'openResting', 'interim')
if session.state ~= 'open' or session.open ~= utterance or session.partial ~= revision then return nil end
redis.call('HSET', job_key, 'partialTo', session.openEnd)
return { session.openStart, session.openEnd, session.openSpeech, session.decode, session.partialText or '', session.partialStable or '', session.openResting or '', session.interim or '' }
