-- Adds planned items whose audio is stored. An item may be added twice: the second time changes nothing.
-- KEYS: job chunks pending tries
-- ARGV: …items (index, planned, audio_ms, …)
-- Returns { 'gone' } (no such job, or it has ended) or { 'ok', ticket to queue or 0, index of the item that the ticket begins with }.
-- include: clock fields work
local FIELDS = 3
local job = read(job_key, 'planned', 'plannedMs', unpack(TICKET_FIELDS))
if job.state ~= 'receiving' then return { 'gone' } end
local indexes = {}
for i = 1, #items, FIELDS do indexes[#indexes + 1] = items[i] end
local known = redis.call('HMGET', chunks_key, unpack(indexes))
local now = now_ms()
local added, written = {}, {}
for i, index in ipairs(indexes) do
  if not known[i] then
    local base = (i - 1) * FIELDS
    added[#added + 1] = index
    written[#written + 1] = index
    written[#written + 1] = format_planned(now, items[base + 3], items[base + 2])
    job.plannedMs = job.plannedMs + items[base + 3]
  end
end
if #added == 0 then
  -- The reply that told of the ticket may have been lost.
  if tonumber(job.ticketOpen) == 1 then return { 'ok', tonumber(job.ticket), tonumber(redis.call('LINDEX', pending_key, 0) or indexes[1]) } end
  return { 'ok', 0, 0 }
end
redis.call('HSET', chunks_key, unpack(written))
if redis.call('RPUSH', pending_key, unpack(added)) == #added then share_ttl(chunks_key, pending_key) end
local ticket, first = open_ticket(job)
redis.call('HSET', job_key, 'planned', job.planned + #added, 'plannedMs', job.plannedMs, 'ticket', job.ticket, 'ticketOpen', job.ticketOpen)
return { 'ok', ticket, first }
