/** What a command may touch of the process it runs in, so that tests can run commands without one. */
import type { Clock } from '../machinery/clock.ts';

export interface Output {
  /** Resolves when there is room for more. */
  write(text: string | Uint8Array): Promise<void>;
  /** Of the terminal it is, as it is now; absent or undefined where it is none. */
  readonly columns?: () => number | undefined;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** A person sits at standard input and can be asked. */
  readonly isInteractive?: boolean;
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

/**
 * The end of a command with an exit code that means something: 1 for "there are differences" says nothing, 2 is an error
 * (the cause, told as any other) of a command whose 1 means that.
 */
export class Ending extends Error {
  readonly code: number;

  constructor(code: number, cause?: unknown) {
    super(`the command ends with exit code ${code}`, cause === undefined ? {} : { cause });
    this.name = 'Ending';
    this.code = code;
  }
}
