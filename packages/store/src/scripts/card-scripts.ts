import type { Script } from './script.js';

/**
 * A worker's heartbeat, in Redis time.
 * Keys: workers, seen, models, models seen. Arguments: worker id, card, model slug, milliseconds after which a silent worker is forgotten, and a model without workers.
 */
export const putCard: Script = {
  name: 'murmPutCard4',
  keys: 4,
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[2])
redis.call('ZADD', KEYS[4], now, ARGV[3])
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[4]))) do
  redis.call('HDEL', KEYS[1], worker)
  redis.call('ZREM', KEYS[2], worker)
end
for _, model in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now - tonumber(ARGV[5]))) do
  redis.call('HDEL', KEYS[3], model)
  redis.call('ZREM', KEYS[4], model)
end
return now`,
};

/**
 * Cards of workers heard of lately, and the newest card of each model whose workers are there or expected back.
 * Keys: workers, seen, models, models seen. Arguments: milliseconds of a heartbeat's life, and of a model's without workers.
 * Answers { worker cards, model cards }.
 */
export const readCards: Script = {
  name: 'murmReadCards4',
  keys: 4,
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cards = {}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], now - tonumber(ARGV[1]), '+inf')) do
  local card = redis.call('HGET', KEYS[1], worker)
  if card then cards[#cards + 1] = card end
end
local models = {}
for _, model in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], now - tonumber(ARGV[2]), '+inf')) do
  local card = redis.call('HGET', KEYS[3], model)
  if card then models[#models + 1] = card end
end
return { cards, models }`,
};
