/**
 * The process that the crash tests kill: writers that commit as fast as they can and print each write after it was
 * acknowledged, and only then. Arguments: the store's directory, the round, and the text of a key file if values are
 * to be encrypted.
 *
 * Writer w of a round keeps a counter under two keys, always written in one commit. A line is
 * `<key> <revision> <count>`, for the first of the two.
 */
import { writeSync } from 'node:fs';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { systemClock } from '../../machinery/clock.ts';
import { KeyRing } from '../../store/encryption.ts';
import { openStore } from '../../store/open.ts';
import { mustCommit, put } from './builders.ts';

const WRITERS = 8;

const [, , directory = '', round = '', keyText] = process.argv;
const encryption =
  keyText === undefined ? {} : { encryption: { keys: KeyRing.parse(keyText), prefixes: ['/round/'] } };
const store = await openStore(`sqlite:${directory}`, { clock: systemClock, ...encryption });
// Written at once, past any buffer of ours: what is printed is printed, whenever the process is killed.
writeSync(1, `ready ${store.revision()} 0\n`);

/** A reader that is busy with the other half of the test lets the pipe fill up: then it is waited for. */
async function tell(line: string): Promise<void> {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      await turnOfTheLoop();
    }
  }
}

async function write(writer: number): Promise<never> {
  const key = `/round/${round}/${writer}`;
  for (let count = 1; ; count++) {
    const revision = await mustCommit(
      store,
      put(`${key}/left`, String(count)),
      put(`${key}/right`, String(count)),
    );
    await tell(`${key} ${revision} ${count}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
