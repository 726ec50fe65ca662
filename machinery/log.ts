/**
 * Structured log lines, one JSON object a line, with the current trace mixed in: `trace_id`, `request_id`, `object`. As
 * text for people where that is wanted. Secrets are taken out of each line before it is written.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { textLine } from './logtext.ts';
import { REDACTED, SECRET_FIELDS, withoutSecrets } from './redaction.ts';
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

export function openLog({ level, format = 'json', path, stream }: LogOptions): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => ({ ...traceFields(currentTrace()) }),
      redact: { paths: secretPaths(), censor: REDACTED },
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

/** At the top of a line and one or two levels below it: deeper ones are no fields that this house writes. */
function secretPaths(): string[] {
  return SECRET_FIELDS.flatMap((field) => {
    const name = /^\w+$/.test(field) ? field : `["${field}"]`;
    const below = name.startsWith('[') ? name : `.${name}`;
    return [name, `*${below}`, `*.*${below}`];
  });
}

/** For tests and the simulator. */
export const silentLog: Log = pino({ level: 'silent' });
