/** `--timeout` of commands that wait for as long as it takes unless they are told otherwise. */
import { parseDurationMs } from '../machinery/duration.ts';
import { CommandError } from './io.ts';

const WEEK_MS = 7 * 86_400_000;

/** Milliseconds; absent and kubectl's 0 are a week. Throws `CommandError`. */
export function timeoutMsFrom(text: string | undefined): number {
  if (text === undefined || text === '0' || text === '0s') return WEEK_MS;
  const found = parseDurationMs(text);
  if (found === undefined)
    throw new CommandError(`--timeout: found "${text}", wanted a duration such as 30s or 5m`);
  return found;
}
