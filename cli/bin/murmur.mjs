#!/usr/bin/env node
// Committed, because npm links a workspace's programs when it installs, which is before anything is compiled.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main);
} else {
  process.stderr.write('murmur is not compiled yet: run "npm run build" in the checkout (npm start does it too).\n');
  process.exitCode = 1;
}
