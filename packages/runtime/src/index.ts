export { EnvironmentError, booleanVariable, integerVariable, isLoopback, logLevelVariable, parseEnvironment, portVariable, redisUrlVariable } from './environment.js';
export { EventLoopLag } from './event-loop-lag.js';
export { gpuFacts, type GpuFacts } from './gpu.js';
export { createLogger, type Logger } from './logger.js';
export { Metrics } from './metrics.js';
export { OperationsServer, type Check, type Probes } from './operations.js';
export { portInUse } from './port-in-use.js';
export { Shutdown } from './shutdown.js';
export { Thread, Transferred, serveThread, threadData, type ThreadMethods } from './thread.js';
