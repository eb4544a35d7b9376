-- Adds a planned item whose audio is stored. A planned item may be added twice: the second time changes nothing.
-- KEYS: job chunks pending tries
-- ARGV: index planned audio_ms
-- Returns { 'gone' } (no such job, or it has ended) or { 'ok', ticket to queue or 0, index of the item that the ticket begins with }.
-- include: clock fields work
local job = read(job_key, 'planned', 'plannedMs', unpack(TICKET_FIELDS))
if job.state ~= 'receiving' then return { 'gone' } end
if redis.call('HSETNX', chunks_key, index, now_ms() .. ' ' .. planned) == 0 then
  if tonumber(job.ticketOpen) == 1 then return { 'ok', tonumber(job.ticket), tonumber(redis.call('LINDEX', pending_key, 0) or index) } end
  return { 'ok', 0, 0 }
end
if redis.call('RPUSH', pending_key, index) == 1 then share_ttl(chunks_key, pending_key) end
local ticket, first = open_ticket(job)
redis.call('HSET', job_key, 'planned', job.planned + 1, 'plannedMs', job.plannedMs + audio_ms, 'ticket', job.ticket, 'ticketOpen', job.ticketOpen)
return { 'ok', ticket, first }
