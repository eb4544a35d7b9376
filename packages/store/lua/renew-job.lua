-- Keeps a job that its API node still works on.
-- KEYS: job chunks pending tries results events terms
-- ARGV: lease_ms
-- Returns 1; 0 when it is gone, accepted or cancelled: then its keys live by other rules.
-- include: fields
local job = read(job_key, 'state', 'acceptedAtMs', 'purged')
if not job.state or job.acceptedAtMs or job.purged then return 0 end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, lease_ms) end
return 1
