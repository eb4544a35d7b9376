// Writes docs/live-protocol.schema.json anew from the schemas that the relay reads messages with; build first.
import { writeFileSync } from 'node:fs';
import { liveProtocolJsonSchema } from '@murmuration/contracts';

writeFileSync(
  new URL('../docs/live-protocol.schema.json', import.meta.url),
  `${JSON.stringify(liveProtocolJsonSchema(), null, 2)}\n`,
);
