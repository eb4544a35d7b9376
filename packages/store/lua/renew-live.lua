-- Keeps the session for another while.
-- KEYS: job chunks pending tries results events pcm
-- ARGV: epoch holder keep_ms
-- Returns { 'gone' }, { 'absent' }, { 'lost' }, { 'behind' } or { 'ok', samples of ended utterances that are not final }.
-- include: fields states work live
local session = read(job_key, 'state', 'epoch', 'holder', 'pending')
local refused = refusal(session, epoch, holder)
if refused then return { refused } end
redis.call('PEXPIRE', job_key, keep_ms)
share_ttl(chunks_key, pending_key, tries_key, results_key, events_key, pcm_key)
return { 'ok', session.pending }
