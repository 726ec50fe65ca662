/** The commands every fake container has. Tests bring more of their own. */
import type { FakeCommand } from './process.ts';

/** A shell's code for a command that is not there. */
const EXIT_NOT_FOUND = 127;

export const FAKE_COMMANDS: Readonly<Record<string, FakeCommand>> = {
  /** Copies its input to its output. */
  async cat({ input, write }) {
    for await (const data of input) await write('stdout', data);
    return 0;
  },
  /** `speak OUT ERR`: a line to each stream. */
  async speak({ command: [, out = '', err = ''], write }) {
    await write('stdout', `${out}\n`);
    await write('stderr', `${err}\n`);
    return 0;
  },
  /** `exit CODE`. */
  exit: ({ command }) => Promise.resolve(Number(command[1] ?? 0)),
  /** At each piece of input prints the size of its terminal as `ROWS COLUMNS`. */
  async sizes({ size, input, write }) {
    for await (const _ of input) await write('stdout', `${size()?.rows ?? 0} ${size()?.columns ?? 0}\r\n`);
    return 0;
  },
  /** `fill BYTES CODE`: that many of the letter x, in pieces of 64 KiB, without a look at its input. */
  async fill({ command: [, bytes, code], write }) {
    for (let left = Number(bytes ?? 0); left > 0; left -= 65_536) {
      await write('stdout', 'x'.repeat(Math.min(left, 65_536)));
    }
    return Number(code ?? 0);
  },
  /** Runs until it is killed. */
  sleep: ({ killed }) =>
    new Promise((resolve) => {
      killed.addEventListener('abort', () => resolve(137), { once: true });
    }),
};

/** What happens to a command nobody knows. */
export const noSuchCommand: FakeCommand = async ({ command, write }) => {
  await write(
    'stderr',
    `OCI runtime exec failed: exec failed: unable to start container process: exec: "${command[0]}": executable file not found in $PATH: unknown\r\n`,
  );
  return EXIT_NOT_FOUND;
};
