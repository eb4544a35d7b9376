-- Accepts a job whose items are all planned: it needs its API node no more, and stays until it is settled.
-- KEYS: job chunks pending tries results events terms
-- ARGV: summary duration_ms channel settle_channel
-- Returns the state: 'running' or 'assembling', also a second time; another when it has ended before; 'gone'.
-- Events: 'accepted', then 'assembling' when everything is done already.
-- include: clock fields states events
local job = read(job_key, 'state', 'planned', 'done')
if not job.state then return 'gone' end
if job.state ~= 'receiving' then return job.state end
local state = job.planned == job.done and 'assembling' or 'running'
change_state(job_key, job.state, state, 'acceptedAtMs', now_ms(), 'summary', summary, 'durationMs', duration_ms)
for _, key in ipairs(KEYS) do redis.call('PERSIST', key) end
emit(events_key, channel, 'type', 'accepted')
if state == 'assembling' then
  emit(events_key, channel, 'type', 'assembling')
  settle(settle_channel)
end
return state
