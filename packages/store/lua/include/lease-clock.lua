-- Needs includes clock and fields, and the key clock.

-- Time between two calls that counts at most. Relays call every two seconds, so a longer pause means that nobody reached Redis.
local MOST_MS = 3000

-- lease_clock(): milliseconds on a clock that stands still while nobody reaches Redis: no lease runs out while its owner cannot renew it.
local function lease_clock()
  local now = now_ms()
  local clock = read(clock_key, 'leaseMs', 'seenMs')
  local lease_ms = now
  if clock.leaseMs then lease_ms = clock.leaseMs + math.max(0, math.min(MOST_MS, now - clock.seenMs)) end
  redis.call('HSET', clock_key, 'leaseMs', lease_ms, 'seenMs', now)
  return lease_ms
end
