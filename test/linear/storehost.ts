/**
 * The process that a hosted store lives in, and that tests kill. Argument: the store's address. One JSON document a
 * line: calls on standard input, answers and what watches tell on standard output. Ends when its input does.
 */
import { createInterface } from 'node:readline';
import { systemClock } from '../../machinery/clock.ts';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import { openStore } from '../../store/open.ts';
import { type HostCall, type HostLine, itemOf, writeOf } from './hostlines.ts';

const [, , address = ''] = process.argv;
const store = await openStore(address, { clock: systemClock });

function say(line: HostLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function answer(call: HostCall): Promise<void> {
  const { id } = call;
  try {
    switch (call.do) {
      case 'get':
        say({ id, item: itemOf(await store.get(call.key)) });
        return;
      case 'range': {
        const page = await store.range(call.prefix);
        say({ id, page: { ...page, items: page.items.map(itemOf) } });
        return;
      }
      case 'commit': {
        const result = await store.commit([writeOf(call.write)]);
        const { ok, revision } = result;
        say(
          ok
            ? { id, done: { revision, modRevision: result.modRevisions[0], writtenAtMs: result.writtenAtMs } }
            : { id, refused: { revision, current: itemOf(result.current) } },
        );
        return;
      }
      case 'latest':
        say({ id, revision: await store.latestRevision() });
        return;
      case 'watch': {
        const { signal } = new AbortController();
        const { afterRevision, prefix } = call;
        for await (const batch of store.watch([prefix], { afterRevision, signal, marksPresent: true })) {
          const events = batch.events.map((event) => ({
            ...event,
            current: itemOf(event.current),
            previous: itemOf(event.previous),
          }));
          say({ id, batch: { events, revision: batch.revision } });
        }
        say({ id, end: true });
      }
    }
  } catch (error) {
    const reason = error instanceof StoreError ? error.reason : undefined;
    say({ id, error: { reason, message: messageOf(error) } });
  }
}

say({ id: 0, revision: store.revision() });
for await (const line of createInterface({ input: process.stdin })) {
  void answer(JSON.parse(line) as HostCall);
}
process.exit(0);
