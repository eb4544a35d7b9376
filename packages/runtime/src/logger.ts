import { pino, type Logger } from 'pino';

export type { Logger };

/** JSON lines on standard output. Never give it audio, transcripts, file names, prompts or keys. */
export function createLogger(options: { readonly service: string; readonly level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: ['req.headers', '*.authorization', '*.password'], remove: true },
  });
}
