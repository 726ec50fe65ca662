/** What a command may touch of the process it runs in, so that tests can run commands without one. */
import type { Clock } from '../machinery/clock.ts';

export interface Output {
  /** Resolves when there is room for more. */
  write(text: string | Uint8Array): Promise<void>;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory, absolute. */
  readonly directory: string;
  /** The user's home directory, absolute. */
  readonly userHome: string;
  readonly clock: Clock;
  /** Aborts on SIGINT and SIGTERM, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** A mistake of the user's, or a wish that cannot be met: lines for standard error, no stack, exit code 1. */
export class CommandError extends Error {
  readonly lines: readonly string[];

  constructor(message: string | readonly string[], options?: ErrorOptions) {
    const lines = typeof message === 'string' ? [message] : message;
    super(lines.join('\n'), options);
    this.name = 'CommandError';
    this.lines = lines;
  }
}
