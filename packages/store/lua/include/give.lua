-- How results are taken, of jobs and of live sessions. Needs include work and the keys job, chunks, tries, results.

-- Fences from a job's base up to the next multiple are its own; `GENERATION` of src/work/held-items.ts.
local GENERATION = 2 ^ 20

-- accept(job, items): takes what is given back, each item once. Items are { index =, fence =, planned = }; planned is the JSON of what the result is of,
-- where the item may have been planned anew since, or nil. Counts job.held down. Reads job.base, where there is one.
-- Returns an answer an item ('ok', 'stale', 'duplicate'), the places in items of those that were taken, and true when one was a duplicate.
local function accept(job, items)
  local indexes = {}
  for at, item in ipairs(items) do indexes[at] = item.index end
  local records = redis.call('HMGET', tries_key, unpack(indexes))
  local answers, taken, gone, repeated = {}, {}, {}, false
  local generation = math.floor((tonumber(job.base) or 0) / GENERATION)
  for at, item in ipairs(items) do
    if math.floor(tonumber(item.fence) / GENERATION) ~= generation then
      -- It is of a job that had this id before.
      answers[at] = 'stale'
    elseif not records[at] then
      -- A record goes with its item's result, unless a failover has lost it: then the item is there still, and is taken again.
      answers[at] = redis.call('HEXISTS', chunks_key, item.index) == 1 and 'stale' or 'duplicate'
      repeated = true
    elseif parse_record(records[at]).fence ~= tonumber(item.fence) then
      answers[at] = 'stale'
    elseif item.planned and json_of(redis.call('HGET', chunks_key, item.index)) ~= item.planned then
      answers[at] = 'stale'
    else
      answers[at] = 'ok'
      taken[#taken + 1] = at
      gone[#gone + 1] = item.index
    end
  end
  if #gone > 0 then
    redis.call('HDEL', tries_key, unpack(gone))
    redis.call('HDEL', chunks_key, unpack(gone))
    job.held = job.held - #gone
  end
  return answers, taken, repeated
end

-- pass_front(front, here, publish): publishes results in the order of their items, from the front on: those of `here` (by index) and those that were stored
-- because they came before their turn. What of `here` has to wait is stored. Returns the new front.
local function pass_front(front, here, publish)
  while true do
    local result = here[front]
    if result then
      here[front] = nil
    else
      result = redis.call('HGET', results_key, front)
      if not result then break end
      redis.call('HDEL', results_key, front)
    end
    publish(front, result)
    front = front + 1
  end
  local waiting = {}
  for index, result in pairs(here) do
    waiting[#waiting + 1] = index
    waiting[#waiting + 1] = result
  end
  if #waiting > 0 and redis.call('HSET', results_key, unpack(waiting)) == redis.call('HLEN', results_key) then share_ttl(results_key) end
  return front
end

-- next_ticket(job, repeated): the ticket to queue and the index of its first item, or 0 and 0. Where a result was given twice, the reply that told of the open ticket may have been lost.
local function next_ticket(job, repeated)
  local ticket, first = open_ticket(job)
  if ticket == 0 and repeated and tonumber(job.ticketOpen) == 1 then return tonumber(job.ticket), tonumber(redis.call('LINDEX', pending_key, 0) or 0) end
  return ticket, first
end
