/**
 * Structured log lines, one JSON object a line, with the current trace mixed in: `trace_id`, `request_id`, `object`. As
 * text for people where that is wanted. Secrets are taken out of each line before it is written.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { textLine } from './logtext.ts';
import { REDACTED, withoutSecrets } from './redaction.ts';
import { currentTrace, traceFields } from './trace.ts';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
export type LogFormat = 'json' | 'text';

export interface LogOptions {
  readonly level: LogLevel;
  /** Absent: `json`. */
  readonly format?: LogFormat;
  /** A file to append to; absent means standard error, so that standard output stays for answers. */
  readonly path?: string;
  /** Instead of both. */
  readonly stream?: DestinationStream;
}

/**
 * Cut out before they become text: what may be more than a string there. Few, for each path with a star makes every line
 * dearer; secrets that are strings are found in the text, whatever is around them.
 */
const SECRET_PATHS = ['authorization', 'stringData', '*.authorization', '*.stringData'];

export function openLog({ level, format = 'json', path, stream }: LogOptions): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => ({ ...traceFields(currentTrace()) }),
      redact: { paths: SECRET_PATHS, censor: REDACTED },
      hooks: {
        streamWrite: (line) => {
          const told = withoutSecrets(line);
          return format === 'text' ? textLine(told) : told;
        },
      },
    },
    stream ?? destination({ ...(path === undefined ? { dest: 2 } : { dest: path }), sync: false }),
  );
}

/** For tests and the simulator. */
export const silentLog: Log = pino({ level: 'silent' });
