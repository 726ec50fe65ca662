/** The process that is killed while it opens a store. Argument: the store's directory. */
import { writeSync } from 'node:fs';
import { openSqliteLog } from '../../store/sqlite/sqlite.ts';

const [, , directory = ''] = process.argv;
writeSync(1, 'opening\n');
const log = await openSqliteLog({ directory, newClusterId: 'crash-test', synchronous: 'FULL' });
writeSync(1, 'open\n');
// Stays until it is killed.
setInterval(() => void log.head(), 1000);
