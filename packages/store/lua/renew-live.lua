-- Keeps the session for another while.
-- KEYS: session pcm utterances events tries results
-- ARGV: epoch holder keep_ms
-- Returns { 'gone' }, { 'lost' }, { 'behind' } or { 'ok', samples of ended utterances that are not final }.
-- include: fields live
local session = read(session_key, 'state', 'epoch', 'holder', 'pending')
local refused = refusal(session, epoch, holder)
if refused then return { refused } end
redis.call('PEXPIRE', session_key, keep_ms)
share_ttl(pcm_key, utterances_key, events_key, tries_key, results_key)
return { 'ok', session.pending }
