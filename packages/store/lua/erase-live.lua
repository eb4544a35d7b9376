-- Deletes the session, whoever owns it: it closes at once, and of what it was nothing stays but its last event, for a moment, so that those who follow it hear of the end.
-- KEYS: job chunks pending tries results events pcm
-- ARGV: channel last_event_ms
-- Returns nil (no such session) or the model's slug.
-- include: fields states work live keep-last
local session = read(job_key, 'state', 'slug')
if not session.state then return nil end
if session.state ~= 'closed' then close('cancelled') end
local KEPT = { state = true, epoch = true, token = true, owner = true, owned = true }
for _, field in ipairs(redis.call('HKEYS', job_key)) do
  if not KEPT[field] then redis.call('HDEL', job_key, field) end
end
keep_last(events_key)
redis.call('PEXPIRE', job_key, last_event_ms)
redis.call('PEXPIRE', events_key, last_event_ms)
redis.call('PUBLISH', channel, 'events')
return session.slug or ''
