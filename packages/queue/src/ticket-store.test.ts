import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { doorConnection, whenReady, type Redis } from './connections.js';
import { startRedis, type TestRedis } from './testing/index.js';
import { RedisTicketStore } from './ticket-store.js';
