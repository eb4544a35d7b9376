-- Takes the results of a run's items of one job, each once. Removes before it writes: a Redis that is full lets such a script write.
-- KEYS: job chunks pending tries results events
-- ARGV: channel settle_channel decode …items (index, fence, result, audio_ms, text, …)
-- decode: the decode options with the language that was found, or ''. text: kept for the next item of a job whose items continue each other.
-- Returns { ticket to queue or 0, index of the item that it begins with, the job's lane, 'ok' | 'stale' | 'duplicate' | 'gone', … } with an answer an item.
-- Events: 'result' for each that the contiguous front passes, then 'assembling' after the last.
-- include: clock fields states work events
local FIELDS = 5
local job = read(job_key, 'planned', 'plannedMs', 'done', 'doneMs', 'front', 'entries', 'acceptedAtMs', 'id', unpack(TICKET_FIELDS))
local count = #items / FIELDS
local answers = { 0, 0, job.lane or '' }
if job.state ~= 'receiving' and job.state ~= 'running' then
  for i = 1, count do answers[3 + i] = 'gone' end
  return answers
end
local indexes = {}
for i = 1, count do indexes[i] = items[(i - 1) * FIELDS + 1] end
local records = redis.call('HMGET', tries_key, unpack(indexes))
local front = tonumber(job.front)
local taken, repeated = {}, false
for i, index in ipairs(indexes) do
  if not records[i] then
    -- A record goes only with its item's result.
    answers[3 + i] = 'duplicate'
    repeated = true
  elseif parse_record(records[i]).fence ~= tonumber(items[(i - 1) * FIELDS + 2]) then
    answers[3 + i] = 'stale'
  else
    answers[3 + i] = 'ok'
    taken[#taken + 1] = i
  end
end
if #taken > 0 then
  local gone = {}
  for i, at in ipairs(taken) do gone[i] = indexes[at] end
  redis.call('HDEL', tries_key, unpack(gone))
  redis.call('HDEL', chunks_key, unpack(gone))
  -- Results of this call by their index; those that wait for an earlier one are stored.
  local here, waiting = {}, {}
  for _, at in ipairs(taken) do
    local base = (at - 1) * FIELDS
    here[tonumber(items[base + 1])] = items[base + 3]
    job.doneMs = job.doneMs + items[base + 4]
    if job.continuesText == '1' then redis.call('HSET', job_key, 'textBefore', items[base + 5]) end
  end
  job.done = job.done + #taken
  job.held = job.held - #taken
  local entries = tonumber(job.entries)
  local first_entry = entries
  while true do
    local result = here[front]
    if result then
      here[front] = nil
    else
      result = redis.call('HGET', results_key, front)
      if not result then break end
      redis.call('HDEL', results_key, front)
    end
    entries = entries + 1
    redis.call('XADD', events_key, entries .. '-1000000', 'type', 'result', 'result', result, 'doneMs', job.doneMs, 'plannedMs', job.plannedMs)
    front = front + 1
  end
  for index, result in pairs(here) do
    waiting[#waiting + 1] = index
    waiting[#waiting + 1] = result
  end
  if #waiting > 0 and redis.call('HSET', results_key, unpack(waiting)) == redis.call('HLEN', results_key) then share_ttl(results_key) end
  if decode ~= '' and job.awaitsLanguage == '1' then
    redis.call('HSET', job_key, 'decode', decode, 'awaitsLanguage', 0)
    job.awaitsLanguage = '0'
  end
  if job.state == 'running' and job.done == tonumber(job.planned) then
    change_state(job_key, job.state, 'assembling')
    entries = entries + 1
    redis.call('XADD', events_key, entries .. '-1000000', 'type', 'assembling')
    if job.acceptedAtMs then redis.call('PUBLISH', settle_channel, job.id) end
  end
  if first_entry == 0 and entries > 0 then share_ttl(events_key) end
  answers[1], answers[2] = open_ticket(job)
  redis.call('HSET', job_key, 'done', job.done, 'doneMs', job.doneMs, 'held', job.held, 'front', front, 'entries', entries, 'ticket', job.ticket, 'ticketOpen', job.ticketOpen)
  if entries > first_entry then redis.call('PUBLISH', channel, '1') end
end
-- The reply that told of the next ticket may have been lost.
if repeated and answers[1] == 0 and tonumber(job.ticketOpen) == 1 then
  answers[1], answers[2] = tonumber(job.ticket), tonumber(redis.call('LINDEX', pending_key, 0) or 0)
end
return answers
