/**
 * The process that the crash tests kill: writers that commit as fast as they can and print each write after it was
 * acknowledged, and only then. Arguments: the store's directory, the round.
 *
 * Writer w of a round keeps a counter under two keys, always written in one commit. A line is
 * `<key> <revision> <count>`, for the first of the two.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../machinery/clock.ts';
import { openStore } from '../../store/open.ts';
import { mustCommit, put } from './builders.ts';

const WRITERS = 8;

const [, , directory = '', round = ''] = process.argv;
const store = await openStore(`sqlite:${directory}`, { clock: systemClock });
// Written at once, past any buffer of ours: what is printed is printed, whenever the process is killed.
writeSync(1, `ready ${store.revision()} 0\n`);

async function write(writer: number): Promise<never> {
  const key = `/round/${round}/${writer}`;
  for (let count = 1; ; count++) {
    const revision = await mustCommit(
      store,
      put(`${key}/left`, String(count)),
      put(`${key}/right`, String(count)),
    );
    writeSync(1, `${key} ${revision} ${count}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
