/**
 * The thread that owns the embedded store's database: takes requests in order, answers each with a message.
 * It opens the database before anything else; the first message it sends says how that went.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import { SqliteDatabase } from './database.ts';
import { type PackedPage, packOutcomes, packPage, unpackCommits } from './packing.ts';
import { OPENED, type Reply, type Request } from './protocol.ts';
import type { SqliteOptions } from './schema.ts';

function perform(database: SqliteDatabase, request: Request): unknown {
  switch (request.name) {
    case 'head':
      return database.head();
    case 'append': {
      const [packed] = request.arguments;
      return packOutcomes(database.append(unpackCommits(packed)), packed.lengths);
    }
    case 'read':
      return database.read(...request.arguments);
    case 'versions':
      return database.versions(...request.arguments);
    case 'range':
      return packPage(database.range(...request.arguments));
    case 'changes':
      return database.changes(...request.arguments);
    case 'trim':
      return database.trim(...request.arguments);
    case 'size':
      return database.size();
    case 'keyIds':
      return database.keyIds();
    case 'close':
      return database.close();
  }
}

function attempt(id: number, work: () => unknown): Reply {
  try {
    return { id, ok: true, answer: work() };
  } catch (error) {
    const reason = error instanceof StoreError ? error.reason : 'Unavailable';
    return { id, ok: false, reason, message: messageOf(error) };
  }
}

/** What is handed over instead of copied. */
function blocksOf(request: Request, reply: Reply): ArrayBuffer[] {
  if (request.name !== 'range' || !reply.ok) return [];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the answer to a range is a page, as `Operations` says.
  return [(reply.answer as PackedPage).records.buffer];
}

const port = parentPort;
if (port !== null) {
  let opened: SqliteDatabase | undefined;
  const options: SqliteOptions = workerData;
  port.postMessage(
    attempt(OPENED, () => {
      opened = new SqliteDatabase(options);
    }),
  );
  const database = opened;
  if (database === undefined) port.close();
  else {
    port.on('message', (request: Request) => {
      const reply = attempt(request.id, () => database.run(() => perform(database, request)));
      port.postMessage(reply, blocksOf(request, reply));
      if (request.name === 'close') port.close();
    });
  }
}
