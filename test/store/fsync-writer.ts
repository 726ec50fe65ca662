/**
 * The process that the fsync test traces: a few commits, each between two marks on standard output, `request <n>` and
 * `ack <n>`. Arguments: the store's directory, FULL or OFF.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../machinery/clock.ts';
import { openMvccStore } from '../../store/mvcc.ts';
import { openSqliteLog } from '../../store/sqlite/sqlite.ts';
import { mustCommit, put } from './builders.ts';

const [, , directory = '', synchronous = ''] = process.argv;
if (synchronous !== 'FULL' && synchronous !== 'OFF')
  throw new Error(`wanted FULL or OFF, found "${synchronous}"`);
const log = await openSqliteLog({ directory, newClusterId: 'fsync-test', synchronous });
const store = await openMvccStore(log, { clock: systemClock });
for (let n = 1; n <= 5; n++) {
  writeSync(1, `request ${n}\n`);
  await mustCommit(store, put('/a', String(n)));
  writeSync(1, `ack ${n}\n`);
}
await store.close();
