// Writes packages/contracts/src/grpc.ts anew from proto/; build services/stream-relay first.
import { writeFileSync } from 'node:fs';
import { messageTypes } from '../services/stream-relay/dist/grpc/testing/message-types.js';

writeFileSync(new URL('../packages/contracts/src/grpc.ts', import.meta.url), messageTypes());
