import type { Script } from './script.js';

/**
 * A worker's heartbeat, in Redis time.
 * Keys: workers, seen, models. Arguments: worker id, card, model slug, milliseconds after which a silent worker is forgotten.
 */
export const putCard: Script = {
  name: 'murmPutCard3',
  keys: 3,
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[2])
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[4]))) do
  redis.call('HDEL', KEYS[1], worker)
  redis.call('ZREM', KEYS[2], worker)
end
return now`,
};

/**
 * Cards of workers heard of lately, and the newest card of each model.
 * Keys: workers, seen, models. Arguments: milliseconds of a heartbeat's life.
 * Answers { worker cards, model cards }.
 */
export const readCards: Script = {
  name: 'murmReadCards3',
  keys: 3,
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cards = {}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], now - tonumber(ARGV[1]), '+inf')) do
  local card = redis.call('HGET', KEYS[1], worker)
  if card then cards[#cards + 1] = card end
end
return { cards, redis.call('HVALS', KEYS[3]) }`,
};
