export { Allowlist } from './guard/allowlist.js';
export { GuardedClient, type GuardedClientOptions } from './guard/guarded-client.js';
export { parseTarget } from './guard/target-url.js';
export { fetchRecording, type FetchRecordingOptions, type FetchedRecording } from './url/fetch-recording.js';
export {
  deliver,
  type DeliveryFault,
  type DeliveryOutcome,
  type WebhookDelivery,
  retryPauseMs,
  createWebhookSecret,
  isWebhookSecret,
} from './webhooks/deliver.js';
