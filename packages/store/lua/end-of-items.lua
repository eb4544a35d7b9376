-- Says that all items of a job are planned.
-- KEYS: job events
-- ARGV: channel
-- Returns the job's state, or nil. Event: 'assembling' when everything is done already.
-- include: fields states events
local job = read(job_key, 'state', 'planned', 'done')
if job.state ~= 'receiving' then return job.state end
local state = job.planned == job.done and 'assembling' or 'running'
change_state(job_key, job.state, state)
if state == 'assembling' then emit(events_key, channel, 'type', 'assembling') end
return state
