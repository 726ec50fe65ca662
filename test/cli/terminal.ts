/** A command's surroundings for tests: what it prints is kept, what it reads is given. */

import type { Io } from '../../cli/io.ts';
import { runCli } from '../../cli/program.ts';
import { type Clock, systemClock } from '../../machinery/clock.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Surroundings {
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Somebody sits at a terminal and answers what `stdin` says. */
  readonly isInteractive?: boolean;
  /** What is answered, once it is asked. */
  readonly answer?: () => Promise<string>;
  /** Of the terminal that standard output and standard error are. */
  readonly columns?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Called with everything printed so far, at every piece of standard output. */
  readonly onOutput?: (out: string) => void;
  /** The same of standard error. */
  readonly onError?: (err: string) => void;
}

export async function run(words: readonly string[], surroundings: Surroundings): Promise<Ran> {
  let out = '';
  let err = '';
  const io: Io = {
    stdout: {
      write: async (text) => {
        out += typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
        surroundings.onOutput?.(out);
      },
      columns: () => surroundings.columns,
    },
    stderr: {
      write: async (text) => {
        err += typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
        surroundings.onError?.(err);
      },
      columns: () => surroundings.columns,
    },
    stdin: (async function* () {
      if (surroundings.stdin !== undefined) yield Buffer.from(surroundings.stdin);
      if (surroundings.answer !== undefined) yield Buffer.from(await surroundings.answer());
    })(),
    isInteractive: surroundings.isInteractive === true,
    env: surroundings.env ?? {},
    directory: surroundings.directory,
    userHome: surroundings.directory,
    clock: surroundings.clock ?? systemClock,
    signal: surroundings.signal ?? new AbortController().signal,
  };
  const code = await runCli(words, io);
  return { code, out, err };
}
