export { audioStoreSettings, audioStoreVariables, type AudioStoreSettings } from './audio-store-settings.js';
export {
  EnvironmentError,
  booleanVariable,
  configOrExit,
  hostsVariable,
  integerVariable,
  isLoopback,
  logLevelVariable,
  originsVariable,
  parseEnvironment,
  portVariable,
} from './environment.js';
export { browserRefusal, type BrowserRules } from './browser-rules.js';
export { EventLoopLag, Metrics } from './metrics.js';
export { gpuFacts, visibleGpus, type GpuFacts, GpuWatch } from './gpu.js';
export { createLogger, type Logger } from './logger.js';
export { OperationsServer, portInUse, type Check, type Probes } from './operations.js';
export {
  parseRedisUrl,
  redisSettings,
  redisVariables,
  type RedisHost,
  type RedisSettings,
  type RedisTls,
} from './redis-settings.js';
export { Shutdown } from './shutdown.js';
export {
  ATTRIBUTE,
  SPAN,
  type SpanAttributes,
  traceparentOf,
  NO_SPAN,
  NO_TRACING,
  type TraceSpan,
  type Tracing,
} from './tracing/tracing.js';
export { startTracing, tracingVariables } from './tracing/start-tracing.js';
