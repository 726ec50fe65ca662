/** What a person reads when a command fails: one clear line each, in kubectl's manner where kubectl has one. */
import { ApiError, messageOf } from '../machinery/errors.ts';
import { CommandError, type Io } from './io.ts';

/** The lines for standard error. Causes are shown only when asked for by GANTRY_DEBUG=1. */
export function describeFailure(error: unknown, env: Io['env']): readonly string[] {
  const lines = [...linesOf(error)];
  if (isDebugging(env)) {
    for (
      let cause: unknown = error;
      cause !== undefined;
      cause = cause instanceof Error ? cause.cause : undefined
    ) {
      lines.push(`  ${cause instanceof Error ? (cause.stack ?? cause.message) : JSON.stringify(cause)}`);
    }
  }
  return lines;
}

function linesOf(error: unknown): readonly string[] {
  // Of several objects, each has its own.
  if (error instanceof AggregateError) return error.errors.flatMap(linesOf);
  if (error instanceof CommandError) return error.lines.map((line) => `gantry: ${line}`);
  if (error instanceof Error && PROBLEMS.has(error.name)) return [`gantry: ${error.message}`];
  if (error instanceof ApiError) return [fromServer(error)];
  return [`gantry: unexpected error: ${messageOf(error)} (GANTRY_DEBUG=1 shows where)`];
}

/**
 * Errors that are answers rather than faults: each says in its message what is wrong and what to do. By name, so that a
 * command which never meets them need not load the rooms they live in.
 */
const PROBLEMS: ReadonlySet<string> = new Set([
  'ConnectionError',
  'JobsError',
  'KubeconfigError',
  'PkiError',
  'RuntimeError',
  'SettingsError',
  'StartError',
  'StoreError',
  'TokenError',
]);

/** `Error from server (NotFound): tasks.gantry.dev "x" not found`. */
export function fromServer(error: ApiError): string {
  return `Error from server (${error.reason}): ${error.message}`;
}

function isDebugging(env: Io['env']): boolean {
  return env.GANTRY_DEBUG !== undefined && !['', '0', 'false'].includes(env.GANTRY_DEBUG);
}
