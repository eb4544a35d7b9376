export { freePort, startRedis, type TestRedis } from './start-redis.js';
