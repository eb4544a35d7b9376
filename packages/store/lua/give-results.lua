-- Takes the results of a run's items of one job, each once. Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job chunks pending tries results events
-- ARGV: channel settle_channel decode …given (index, fence, result, audio_ms, text, …)
-- decode: the decode options with the language that was found, or ''. text: kept for the next item of a job whose items continue each other.
-- Returns { ticket to queue or 0, index of the item that it begins with, the job's lane, 'ok' | 'stale' | 'duplicate' | 'gone', … } with an answer an item.
-- Events: 'result' for each that the contiguous front passes, then 'assembling' after the last.
-- include: clock fields states work give
local FIELDS = 5
local items = {}
for i = 1, #given, FIELDS do items[#items + 1] = { index = given[i], fence = given[i + 1], result = given[i + 2], audio_ms = given[i + 3], text = given[i + 4] } end
local job = read(job_key, 'planned', 'plannedMs', 'done', 'doneMs', 'front', 'entries', 'acceptedAtMs', 'id', 'base', unpack(TICKET_FIELDS))
local reply = { 0, 0, job.lane or '' }
if not has_items(job.state) then
  for at = 1, #items do reply[3 + at] = 'gone' end
  return reply
end
local answers, taken, repeated = accept(job, items)
for at, answer in ipairs(answers) do reply[3 + at] = answer end
if #taken == 0 then
  reply[1], reply[2] = next_ticket(job, repeated)
  return reply
end
local here = {}
for _, at in ipairs(taken) do
  local item = items[at]
  here[tonumber(item.index)] = item.result
  job.doneMs = job.doneMs + item.audio_ms
  if job.continuesText == '1' then redis.call('HSET', job_key, 'textBefore', item.text) end
end
job.done = job.done + #taken
local first_entry = tonumber(job.entries)
local entries = first_entry
local function add_event(...)
  entries = entries + 1
  redis.call('XADD', events_key, entries .. '-1000000', ...)
end
local front = pass_front(tonumber(job.front), here, function(_, result)
  add_event('type', 'result', 'result', result, 'doneMs', job.doneMs, 'plannedMs', job.plannedMs)
end)
if decode ~= '' and job.awaitsLanguage == '1' then
  redis.call('HSET', job_key, 'decode', decode, 'awaitsLanguage', 0)
  job.awaitsLanguage = '0'
end
if job.state == 'running' and job.done == tonumber(job.planned) then
  change_state(job_key, job.state, 'assembling')
  add_event('type', 'assembling')
  if job.acceptedAtMs then redis.call('PUBLISH', settle_channel, job.id) end
end
if first_entry == 0 and entries > 0 then share_ttl(events_key) end
reply[1], reply[2] = next_ticket(job, repeated)
redis.call('HSET', job_key, 'done', job.done, 'doneMs', job.doneMs, 'held', job.held, 'front', front, 'entries', entries, 'ticket', job.ticket, 'ticketOpen', job.ticketOpen)
if entries > first_entry then redis.call('PUBLISH', channel, '1') end
return reply
