-- Hands items of a job or a live session out to the worker that holds a ticket, each under a new fence.
-- An open ticket brings the next items; it is open no more, and a new one is opened while items are left. A ticket that was taken before
-- (its worker died or handed it back, or a reply was lost) brings the items that are still held under it.
-- KEYS: job chunks pending tries
-- job: the manifest of the job or session. chunks: what is planned.
-- ARGV: ticket limit turn_ms
-- limit: most items that an open ticket brings. turn_ms: audio that it brings; a job that took more than its turn, as items are whole, gets so much less of the next.
-- Returns nil (ended, absent, or nothing is held under the ticket) or
-- { ticket to queue or 0, index of the item that it begins with, the job's lane, decode options, text before (of a session what was made of its utterance while it rested) or '', now in Unix milliseconds, index, fence, crashes, planned, … }.
-- include: clock fields states work
local job = read(job_key, 'decode', 'textBefore', 'early', 'credit', 'base', unpack(TICKET_FIELDS))
if not has_items(job.state) then return nil end
ticket = tonumber(ticket)
local indexes, records = {}, {}
local next_ticket, first = 0, 0
local held = tonumber(job.held)
local planned
if ticket == tonumber(job.ticket) and tonumber(job.ticketOpen) == 1 then
  if one_by_one(job) then limit = 1 end
  indexes = redis.call('LRANGE', pending_key, 0, limit - 1)
  local credit = (tonumber(job.credit) or 0) + turn_ms
  if #indexes > 0 then
    planned = redis.call('HMGET', chunks_key, unpack(indexes))
    local brought = 0
    while brought < #indexes and (brought == 0 or credit > 0) do
      brought = brought + 1
      credit = credit - audio_ms_of(planned[brought])
    end
    for i = #indexes, brought + 1, -1 do indexes[i], planned[i] = nil, nil end
    redis.call('LTRIM', pending_key, #indexes, -1)
    for i, text in ipairs(redis.call('HMGET', tries_key, unpack(indexes))) do records[i] = parse_record(text) end
  end
  held = held + #indexes
  job.held = held
  job.ticketOpen = 0
  next_ticket, first = open_ticket(job)
  -- What a job had no items for is not saved up.
  redis.call('HSET', job_key, 'held', held, 'ticket', job.ticket, 'ticketOpen', job.ticketOpen, 'credit', math.min(credit, 0))
else
  local all = redis.call('HGETALL', tries_key)
  for i = 1, #all, 2 do
    local record = parse_record(all[i + 1])
    if record.ticket == ticket then
      if record.ran == record.fence then record.crashes = record.crashes + 1 end
      indexes[#indexes + 1] = all[i]
      records[#records + 1] = record
    end
  end
  -- The reply that told of the next ticket may have been lost.
  if tonumber(job.ticketOpen) == 1 then next_ticket, first = tonumber(job.ticket), tonumber(redis.call('LINDEX', pending_key, 0) or 0) end
end
if #indexes == 0 then return nil end
local reply = { next_ticket, first, job.lane, job.decode, job.textBefore or job.early or '', now_ms() }
planned = planned or redis.call('HMGET', chunks_key, unpack(indexes))
local written = {}
for i, record in ipairs(records) do
  record.fence = math.max(record.fence, tonumber(job.base) or 0) + 1
  record.ticket = ticket
  written[#written + 1] = indexes[i]
  written[#written + 1] = format_record(record)
  reply[#reply + 1] = tonumber(indexes[i])
  reply[#reply + 1] = record.fence
  reply[#reply + 1] = record.crashes
  reply[#reply + 1] = planned[i] or ''
end
if redis.call('HSET', tries_key, unpack(written)) == held then share_ttl(tries_key) end
return reply
