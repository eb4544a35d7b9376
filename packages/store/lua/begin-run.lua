-- The batch of some items of a job or a live session begins: should their worker die before their results are given back, each is under suspicion.
-- KEYS: job tries
-- ARGV: …index_and_fence (index, fence, …)
-- Returns how many are still held under that fence.
-- include: fields work
local indexes = {}
for i = 1, #index_and_fence, 2 do indexes[#indexes + 1] = index_and_fence[i] end
local written = {}
for i, text in ipairs(redis.call('HMGET', tries_key, unpack(indexes))) do
  local record = parse_record(text)
  if record.fence == tonumber(index_and_fence[i * 2]) then
    record.ran = record.fence
    written[#written + 1] = indexes[i]
    written[#written + 1] = format_record(record)
  end
end
if #written > 0 then redis.call('HSET', tries_key, unpack(written)) end
return #written / 2
