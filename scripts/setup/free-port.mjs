import { createServer } from 'node:net';

/** True when a server may listen there now. A host that is no address of this machine throws. */
export function isPortFree(port, host) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    probe.listen({ port, host, exclusive: true }, () => { probe.close(() => { resolve(true); }); });
  });
}

/** A port that was free a moment ago, between 1024 and 65535. */
export function freePort(host = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host, exclusive: true }, () => {
      const { port } = probe.address();
      probe.close(() => { resolve(port); });
    });
  });
}
