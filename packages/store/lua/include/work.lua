-- The machine of work items and tickets, of jobs (their items are chunks) and of live sessions (utterances). The states stand in src/work/held-items.ts.
-- Needs include fields and the keys job (the manifest of the job or session), pending and, where records are read or written, tries.

-- The fields that open_ticket needs.
local TICKET_FIELDS = { 'state', 'lane', 'ticket', 'ticketOpen', 'held', 'awaitsLanguage', 'continuesText' }

-- True when the next item may be taken only after the result of the one before: until the language is found, or because each continues the text before.
local function one_by_one(job)
  return job.awaitsLanguage == '1' or job.continuesText == '1'
end

-- open_ticket(job): opens a ticket when items wait, none is open and one may be taken. Sets job.ticket and job.ticketOpen; the caller stores them.
-- Answers the ticket's number and the index of the item that it begins with, or 0 and 0.
local function open_ticket(job)
  if tonumber(job.ticketOpen) == 1 then return 0, 0 end
  if one_by_one(job) and tonumber(job.held) > 0 then return 0, 0 end
  local first = redis.call('LINDEX', pending_key, 0)
  if not first then return 0, 0 end
  job.ticket = tonumber(job.ticket) + 1
  job.ticketOpen = 1
  return job.ticket, tonumber(first)
end

-- What is known of an item that was taken, as text (zeros where there is none, or it is of another version): fence, crashes, ticket that holds it, fence of the last run that began.
local function parse_record(text)
  local fence, crashes, ticket, ran = string.match(text or '', '^(%d+) (%d+) (%d+) (%d+)$')
  return { fence = tonumber(fence) or 0, crashes = tonumber(crashes) or 0, ticket = tonumber(ticket) or 0, ran = tonumber(ran) or 0 }
end

local function format_record(record)
  return string.format('%d %d %d %d', record.fence, record.crashes, record.ticket, record.ran)
end

-- A planned item as text: when it was planned (Unix milliseconds), the length of its audio (milliseconds), the chunk or utterance as JSON.
local function format_planned(planned_at_ms, audio_ms, planned)
  return planned_at_ms .. ' ' .. audio_ms .. ' ' .. planned
end

local function audio_ms_of(planned)
  return planned and tonumber(string.match(planned, '^%d+ ([%d.]+) ')) or 0
end

local function json_of(planned)
  return planned and string.match(planned, '^%d+ [%d.]+ (.*)$')
end
