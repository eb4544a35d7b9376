-- Keeps the session for another while.
-- KEYS: session pcm utterances events tries results
-- ARGV: epoch keep_ms
-- Returns { 'gone' }, { 'lost' } or { 'ok', samples of ended utterances that are not final }.
-- include: fields
local session = read(session_key, 'state', 'epoch', 'pending')
if not session.state or session.state == 'closed' then return { 'gone' } end
if session.epoch ~= epoch then return { 'lost' } end
redis.call('PEXPIRE', session_key, keep_ms)
share_ttl(pcm_key, utterances_key, events_key, tries_key, results_key)
return { 'ok', session.pending }
