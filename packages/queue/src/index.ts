export { RedisAudioStore, type AudioStore } from './audio-store.js';
export { ChunkDesk, onCancelled, type PickedUp, type Taken } from './chunk-desk.js';
export { ChunkQueues } from './chunk-queue.js';
export { ChunkWorker, HandBack, type ChunkWorkerEvents } from './chunk-worker.js';
export { atDoor, backendUnavailable, doorConnection, patientConnection, subscriberConnection, whenReady, type Redis } from './connections.js';
export { FairShare } from './fair-share.js';
export { JobEvents, type StreamedEvent } from './job-events.js';
export { JobStore, type JobIdentity, type JobSummary } from './job-store.js';
export { HEARTBEAT_EVERY_MS, HEARTBEAT_LIFE_MS, listCards, publishCard, withdrawCard, type Cards } from './model-cards.js';
