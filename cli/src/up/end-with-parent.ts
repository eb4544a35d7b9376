// Loaded into each service by `node --import`: when `murmur up` is killed, its channel closes, and the service ends in
// order instead of staying behind with its port.
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.channel !== undefined) {
  process.on('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
  });
  // The channel alone must not keep the service alive.
  process.channel.unref();
}
