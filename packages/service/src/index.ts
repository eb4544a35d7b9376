export { EventStream, type EventStreamOptions } from './event-stream.js';
export { errorBody, errorBodySchema, logFault, replyWithError, toAsrError } from './error-replies.js';
export { createHttpServer } from './http-server.js';
export { queryOf, useAccess, useBrowserRules, type RouteAccess } from './route-access.js';
export { useTracing } from './use-tracing.js';
export { observeQueue } from './observe-queue.js';
export { startNode, type ServiceNode } from './start-node.js';
export { bytesVariable, nodeSettings, nodeVariables, waitVariable } from './variables.js';
