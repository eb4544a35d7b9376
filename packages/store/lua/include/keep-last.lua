-- keep_last(stream): of the stream only the last entry stays. It is written anew, because entries that are trimmed keep their bytes until their whole page goes.
local function keep_last(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  redis.call('UNLINK', stream)
  if last then redis.call('XADD', stream, last[1], unpack(last[2])) end
end
