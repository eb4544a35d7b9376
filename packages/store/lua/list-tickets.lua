-- The tickets that a job or a live session must have on the queue: the open one, and those under which items are held.
-- KEYS: job pending tries
-- Returns { number, index of an item under it, … }; nothing for one that has ended.
-- include: fields states work
local job = read(job_key, unpack(TICKET_FIELDS))
if not has_items(job.state) then return {} end
local tickets = {}
if tonumber(job.ticketOpen) == 1 then tickets = { tonumber(job.ticket), tonumber(redis.call('LINDEX', pending_key, 0) or 0) } end
local seen = {}
local all = redis.call('HGETALL', tries_key)
for i = 1, #all, 2 do
  local ticket = parse_record(all[i + 1]).ticket
  if ticket > 0 and not seen[ticket] then
    seen[ticket] = true
    tickets[#tickets + 1] = ticket
    tickets[#tickets + 1] = tonumber(all[i])
  end
end
return tickets
