export { freePort, startRedis, type TestRedis } from './start-redis.js';
export { startS3, type TestS3 } from './start-s3.js';
