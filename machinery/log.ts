/** Structured log lines (JSON, one a line), with the current trace mixed in. */
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { currentTrace, traceFields } from './trace.ts';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** @param path a file to append to; absent means standard error, so that standard output stays for answers. */
export function openLog(options: { readonly level: LogLevel; readonly path?: string }): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => ({ ...traceFields(currentTrace()) }),
      redact: { paths: ['authorization', '*.authorization', '*.password', '*.token'], censor: '[redacted]' },
    },
    destination({ ...(options.path === undefined ? { dest: 2 } : { dest: options.path }), sync: false }),
  );
}

/** For tests and the simulator. */
export const silentLog: Log = pino({ level: 'silent' });
