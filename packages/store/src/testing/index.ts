export { TEST_MODEL, testChunk } from './fixtures.js';
export { freePort } from './free-port.js';
export { startRedis, type TestRedis } from './start-redis.js';
export { startRedisCluster, type TestRedisCluster } from './start-redis-cluster.js';
export { startRedisSentinels, type TestRedisSentinels } from './start-redis-sentinel.js';
export { startS3, type TestS3 } from './start-s3.js';
