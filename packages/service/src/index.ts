export { EventStream, type EventStreamOptions } from './event-stream.js';
export {
  errorBody,
  errorBodySchema,
  logFault,
  replyWithError,
  toAsrError,
  createHttpServer,
  useTracing,
} from './http-server.js';
export { queryOf, useAccess, useBrowserRules, type RouteAccess } from './route-access.js';
export { observeQueue, startNode, type ServiceNode } from './start-node.js';
export { bytesVariable, nodeSettings, nodeVariables, waitVariable } from './variables.js';
