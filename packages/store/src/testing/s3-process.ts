// An S3 server as a process of its own: ends with SIGTERM, keeps all in memory, checks no signatures.
import { startFauxqs } from 'fauxqs';

const server = await startFauxqs({ port: 0, logger: false });
process.stdout.write(`listening ${String(server.port)}\n`);
