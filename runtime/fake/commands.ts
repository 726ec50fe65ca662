/** The commands every fake container has. Tests bring more of their own. */
import type { FakeCommand } from './process.ts';

/** Docker's words and code for a command that is not there. */
const EXIT_NOT_FOUND = 126;

export const FAKE_COMMANDS: Readonly<Record<string, FakeCommand>> = {
  /** Copies its input to its output. */
  async cat({ input, write }) {
    for await (const data of input) await write('stdout', data);
    return 0;
  },
  /** Prints its arguments. */
  async echo({ command, write }) {
    await write('stdout', `${command.slice(1).join(' ')}\n`);
    return 0;
  },
  /** `complain TEXT`: to standard error. */
  async complain({ command, write }) {
    await write('stderr', `${command.slice(1).join(' ')}\n`);
    return 0;
  },
  /** `exit CODE`. */
  exit: ({ command }) => Promise.resolve(Number(command[1] ?? 0)),
  /** Prints each size of its terminal as `ROWS COLUMNS`, and ends with its input. */
  async sizes({ sizes, input, write }) {
    const tell = async (): Promise<void> => {
      for await (const { rows, columns } of sizes) await write('stdout', `${rows} ${columns}\n`);
    };
    void tell();
    for await (const _ of input) continue;
    return 0;
  },
  /** `fill BYTES`: that many of the letter x, in pieces of 64 KiB. */
  async fill({ command, write }) {
    for (let left = Number(command[1] ?? 0); left > 0; left -= 65_536) {
      await write('stdout', 'x'.repeat(Math.min(left, 65_536)));
    }
    return 0;
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
    'stdout',
    `OCI runtime exec failed: exec failed: unable to start container process: exec: "${command[0]}": executable file not found in $PATH: unknown\r\n`,
  );
  return EXIT_NOT_FOUND;
};
