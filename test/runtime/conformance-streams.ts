/** The promises of `Runtime` about its event stream and logs. */
import { expect } from 'chai';
import type { RuntimeEvent } from '../../machinery/runtime.ts';
import { collect, joined } from './expectations.ts';
import { NOT_TEXT, type Promised, RUN_LABEL, SPOKEN, uniqueName } from './rig.ts';

export function promiseStreams(promise: Promised): void {
  promise(
    'tells what happens to labelled containers from the call on, and ends quietly on abort',
    async (rig) => {
      const reading = new AbortController();
      const stream = rig.runtime.events(rig.labels, reading.signal);
      const id = await rig.run('ends with 3', { labels: { ...rig.labels, tier: 'a' } });
      await rig.reach(id, 'exited');
      const other = { ...rig.labels, [RUN_LABEL]: uniqueName() };
      await rig.runtime.remove(await rig.create('waits', { labels: other }), rig.signal);
      await rig.runtime.rename(id, uniqueName(), rig.signal);
      await rig.runtime.remove(id, rig.signal);

      const seen: RuntimeEvent[] = [];
      for await (const event of stream) {
        seen.push(event);
        if (event.action === 'destroy') reading.abort();
      }
      expect(seen.map(({ action }) => action)).to.deep.equal(['create', 'start', 'die', 'rename', 'destroy']);
      for (const event of seen) {
        expect(event.containerId).to.equal(id);
        expect(event.labels).to.include({ ...rig.labels, tier: 'a' });
        expect(event.labels).to.not.have.any.keys('name', 'exitCode', 'oldName');
      }
    },
  );

  promise(
    'gives the log as it was written: order, streams, control characters, an unfinished last line',
    async (rig) => {
      const id = await rig.run('speaks');
      await rig.reach(id, 'exited');
      expect(await rig.readLog(id)).to.deep.equal(joined(SPOKEN));
    },
  );

  promise('keeps bytes in the log that are not UTF-8', async (rig) => {
    const id = await rig.run('writes bytes that are not text');
    await rig.reach(id, 'exited');
    expect(await rig.readLog(id)).to.deep.equal(joined([NOT_TEXT]));
  });

  promise('follows a log until the container ends', async (rig) => {
    const id = await rig.run('speaks');
    expect(await rig.readLog(id, { follow: true })).to.deep.equal(joined(SPOKEN));
    expect((await rig.reach(id, 'exited')).exitCode).to.equal(0);
  });

  promise('gives the end of a log, the part since a time, and times', async (rig) => {
    const id = await rig.run('speaks');
    const ended = await rig.reach(id, 'exited');
    expect(await rig.readLog(id, { tailLines: 2 })).to.deep.equal(joined(SPOKEN.slice(2)));
    expect(await rig.readLog(id, { tailLines: 0 })).to.deep.equal([]);
    const endedSeconds = Date.parse(ended.finishedAt ?? '') / 1000;
    expect(await rig.readLog(id, { sinceSeconds: endedSeconds + 1 })).to.deep.equal([]);
    expect(await rig.readLog(id, { sinceSeconds: endedSeconds - 60 })).to.deep.equal(joined(SPOKEN));
    const [first] = await rig.readLog(id, { timestamps: true });
    expect(Buffer.from(first?.data ?? []).toString()).to.match(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z first\n$/,
    );
  });

  promise('gives one stream alone, and its last lines', async (rig) => {
    const id = await rig.run('speaks');
    await rig.reach(id, 'exited');
    for (const stream of ['stdout', 'stderr'] as const) {
      const own = SPOKEN.filter((chunk) => chunk.stream === stream);
      for (const follow of [false, true]) {
        expect(await rig.readLog(id, { stream, follow })).to.deep.equal(joined(own));
      }
      expect(await rig.readLog(id, { stream, tailLines: 1 })).to.deep.equal(joined(own.slice(-1)));
    }
  });

  promise('stops following a log on abort, quietly, and lets its reader leave early', async (rig) => {
    const id = await rig.run('waits');
    const reading = new AbortController();
    const following = collect(rig.runtime.logs(id, { follow: true }, reading.signal));
    reading.abort();
    await following;

    const speaker = await rig.run('speaks');
    for await (const chunk of rig.runtime.logs(speaker, { follow: true }, rig.signal)) {
      expect(chunk.stream).to.equal('stdout');
      break;
    }
  });
}
