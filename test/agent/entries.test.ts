/** A Task's log as entries: times and streams apart, and the bytes as they were written. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { entriesOf } from '../../agent/logs/entries.ts';
import { isApiError } from '../../machinery/errors.ts';
import type { LogChunk } from '../../machinery/runtime.ts';
import type { LogEntry, LogEntryOptions, TaskRef } from '../../machinery/workerlink.ts';
import { tasks } from '../../schemas/kinds.ts';
import { taskManifest } from '../builders.ts';
import { openRig, type Rig, WORKER } from './rig.ts';

const { signal } = new AbortController();
const STAMP = '2026-01-01T00:00:00.123456789Z';

const bytesOf = (entries: readonly LogEntry[], stream: LogEntry['stream']): Buffer =>
  Buffer.concat(entries.filter((entry) => entry.stream === stream).map(({ data }) => data));

async function* given<T>(values: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* values;
}

describe('Log entries', () => {
  const entries = (...chunks: readonly LogChunk[]): Promise<LogEntry[]> =>
    Array.fromAsync(entriesOf(given(chunks), 1, () => 0));
  const out = (text: string): LogChunk => ({ stream: 'stdout', data: Buffer.from(text, 'latin1') });
  const mark = (text: string): LogChunk => ({ ...out(text), isMark: true });
  const told = (found: readonly LogEntry[]): readonly string[] =>
    found.map(({ time, stream, data }) => `${time} ${stream} ${Buffer.from(data).toString('latin1')}`);

  it('parts of a line have the time of its beginning', async () => {
    expect(told(await entries(out(`${STAMP} one `), out('two'), out(' three\n')))).to.deep.equal([
      `${STAMP} stdout one `,
      `${STAMP} stdout two`,
      `${STAMP} stdout  three\n`,
    ]);
  });

  it('what is missing is told as a gap, and is no output', async () => {
    const found = await entries(out(`${STAMP} half`), mark('\n'), mark('--- lost\n'), out('rest'));
    expect(told(found)).to.deep.equal([
      `${STAMP} stdout half`,
      `${STAMP} gap --- lost\n`,
      `${STAMP} stdout rest`,
    ]);
    expect(told(await entries(out('a rest whose line has no beginning\n')))).to.deep.equal([
      '1970-01-01T00:00:00.000000000Z stdout a rest whose line has no beginning\n',
    ]);
  });

  it('are, one after another, the bytes of each stream, however they were cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            stream: fc.constantFrom('stdout' as const, 'stderr' as const),
            // Newlines often: a line is what has a time.
            data: fc.array(fc.oneof(fc.constant(10), fc.nat(255)), { maxLength: 40 }),
          }),
          { maxLength: 20 },
        ),
        fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
        async (writes, sizes) => {
          const isOpen = { stdout: false, stderr: false };
          const wanted = { stdout: [] as number[], stderr: [] as number[] };
          const chunks: LogChunk[] = [];
          for (const { stream, data } of writes) {
            wanted[stream].push(...data);
            const stamped: number[] = [];
            for (const byte of data) {
              if (!isOpen[stream]) stamped.push(...Buffer.from(`${STAMP} `));
              isOpen[stream] = byte !== 10;
              stamped.push(byte);
            }
            for (let at = 0; at < stamped.length; ) {
              const size = sizes.next().value;
              chunks.push({ stream, data: Buffer.from(stamped.slice(at, at + size)) });
              at += size;
            }
          }
          const found = await entries(...chunks);
          for (const stream of ['stdout', 'stderr'] as const)
            expect([...bytesOf(found, stream)]).to.deep.equal(wanted[stream]);
          expect(found.every(({ time }) => time === STAMP)).to.equal(true);
        },
      ),
    ));
});

describe('A Task’s log entries', () => {
  let rig: Rig;
  let directory: string;
  const NUL = 'a\0b\n';
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-entries-'));
    rig = await openRig(
      {
        images: {
          'app:1': {},
          'crash:1': {
            exitAfterMs: 10,
            exitCode: 3,
            output: [
              { atMs: 1, stream: 'stdout', data: NUL },
              { atMs: 2, stream: 'stderr', data: 'error\n' },
              { atMs: 3, stream: 'stdout', data: 'last words' },
            ],
          },
          'silent:1': { exitAfterMs: 50 },
        },
      },
      undefined,
      { logArchive: { directory, retentionMs: 3_600_000, retentionBytes: 1024 ** 2 } },
    );
  });
  afterEach(async () => {
    await rig.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const ref = async (name: string): Promise<TaskRef> => ({
    namespace: 'default',
    name,
    uid: (await rig.read(name))?.metadata.uid ?? '',
  });
  const open = (task: TaskRef, options: Partial<LogEntryOptions> = {}): Promise<AsyncIterable<LogEntry>> =>
    rig.agent.link.logEntries(WORKER, task, { follow: false, ...options }, signal);
  const read = async (task: TaskRef, options: Partial<LogEntryOptions> = {}): Promise<LogEntry[]> =>
    Array.fromAsync(await open(task, options));
  const refusal = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'it was not refused',
      (error: unknown) => (isApiError(error) ? `${error.reason}: ${error.message}` : String(error)),
    );
  /** Real time passes too: files are read in it. */
  const until = async (what: string, isSo: () => Promise<boolean> | boolean): Promise<void> => {
    for (let step = 0; !(await isSo()); step++) {
      if (step > 4_000) throw new Error(`waited in vain for: ${what}`);
      await rig.world.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const follow = async (task: TaskRef, options: Partial<LogEntryOptions> = {}) => {
    const found: LogEntry[] = [];
    const chunks = await open(task, { follow: true, ...options });
    const state = { found, isOver: false, failure: '' };
    const reading = (async () => {
      for await (const entry of chunks) found.push(entry);
    })();
    void reading
      .catch((error: unknown) => {
        state.failure = isApiError(error) ? error.reason : String(error);
      })
      .finally(() => {
        state.isOver = true;
      });
    return state;
  };

  it('D4.8 tell what a container wrote, byte for byte, and when, also from the archive', async () => {
    await rig.apply('crash', { image: 'crash:1', restartPolicy: 'Never' });
    await rig.untilPhase('crash', 'Failed');
    const task = await ref('crash');
    const living = await read(task);
    expect(bytesOf(living, 'stdout').toString()).to.equal(`${NUL}last words`);
    expect(bytesOf(living, 'stderr').toString()).to.equal('error\n');
    for (const { time, attempt } of living) {
      expect(time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      expect(attempt).to.equal(1);
    }
    await rig.world.admin.delete(tasks, { namespace: 'default', name: 'crash' });
    await until('it is gone', async () => (await rig.read('crash')) === undefined);
    expect(await read(task)).to.deep.equal(living);
    expect(bytesOf(await read(task, { stream: 'stderr' }), 'stdout')).to.have.length(0);
    expect(bytesOf(await read(task, { tailLines: 1 }), 'stdout').toString()).to.equal('last words');
    const late = await follow(task);
    await until('who follows has all and is done', () => late.isOver);
    expect(late.found).to.deep.equal(living);
  });

  it('are of all its containers, from the oldest on, with nothing in between', async () => {
    await rig.apply('crash', { image: 'crash:1', terminationGracePeriodSeconds: 0 });
    await rig.world.until(
      'it ran twice',
      async () => ((await rig.read('crash'))?.status?.attempts ?? 0) >= 2,
    );
    const task = await ref('crash');
    const log = await follow(task);
    await until('three were followed', () => new Set(log.found.map(({ attempt }) => attempt)).size >= 3);
    for (const wanted of [1, 2]) {
      const mine = log.found.filter(({ attempt }) => attempt === wanted);
      expect(bytesOf(mine, 'stdout').toString()).to.equal(`${NUL}last words`);
    }
    const order = log.found.map(({ attempt }) => attempt);
    expect(order).to.deep.equal(order.toSorted((a, b) => a - b));
    expect(new Set((await read(task, { attempt: 2 })).map(({ attempt }) => attempt))).to.deep.equal(
      new Set([2]),
    );
    await rig.world.admin.delete(tasks, { namespace: 'default', name: 'crash' });
    await until('the Task is deleted: it has ended', () => log.isOver);
    expect(log.failure).to.equal('');
  });

  it('of a Task without a container are refused, or waited for by who follows', async () => {
    rig.runtime.stopEngine({ containersDie: false });
    const task = await rig.apply('web');
    const where = { namespace: 'default', name: 'web', uid: task.metadata.uid ?? '' };
    expect(await refusal(read(where))).to.match(/^ServiceUnavailable: /);
    rig.runtime.startEngine();
    const log = await follow(where);
    await rig.untilPhase('web', 'Running');
    rig.runtime.engine.write(rig.running('web')[0]?.id ?? '', 'stdout', 'news\n');
    await rig.world.until('they came', () => log.found.length > 0);
    expect(bytesOf(log.found, 'stdout').toString()).to.equal('news\n');
    const onlyNew = await follow(where, { tailLines: 0 });
    await rig.world.settle();
    rig.runtime.engine.write(rig.running('web')[0]?.id ?? '', 'stdout', 'more\n');
    await rig.world.until('and only what is new', () => onlyNew.found.length > 0);
    expect(bytesOf(onlyNew.found, 'stdout').toString()).to.equal('more\n');
  });

  it('of a silent Task end with it; of one that nobody knows there are none', async () => {
    await rig.apply('silent', { image: 'silent:1', restartPolicy: 'Never' });
    const log = await follow(await ref('silent'));
    await until('it has ended', () => log.isOver);
    expect(log).to.deep.include({ found: [], failure: '' });
    const nobody = { namespace: 'default', name: 'nobody', uid: 'f2b0b1a6-0000-4000-8000-000000000000' };
    const none = await follow(nobody);
    await until('nobody is waited for in vain', () => none.isOver);
    expect(none.failure).to.equal('NotFound');
    expect(await refusal(read(nobody))).to.match(/^BadRequest: .* waiting to start/);
  });

  it('D3.13 of a Task that its Run has stopped end; of any other that is stopped they may go on', async () => {
    const spec = { image: 'app:1' };
    const ended = new Map<string, { isOver: boolean }>();
    for (const [name, labels] of [
      ['of-run', { 'gantry.dev/run': 'r' }],
      ['alone', {}],
    ] as const) {
      await rig.world.admin.create(tasks, taskManifest(name, spec, { labels }));
      await rig.bind(name);
      await rig.untilPhase(name, 'Running');
      ended.set(name, await follow(await ref(name)));
      const key = { namespace: 'default', name };
      await rig.world.admin.patch(tasks, key, { type: 'merge', body: { spec: { desiredState: 'Stopped' } } });
      await rig.untilPhase(name, 'Stopped');
    }
    await until('the log of the Run’s is let go', () => ended.get('of-run')?.isOver === true);
    for (let second = 0; second < 10; second++) await rig.world.advance(1_000);
    expect(ended.get('alone')?.isOver).to.equal(false);
    await rig.world.admin.delete(tasks, { namespace: 'default', name: 'alone' });
    await until('it is deleted', () => ended.get('alone')?.isOver === true);
  });

  it('D4.8 are read by a hundred at once without loss, each at its own pace', async () => {
    await rig.apply('busy', { restartPolicy: 'Never' });
    await rig.untilPhase('busy', 'Running');
    const task = await ref('busy');
    const id = rig.running('busy')[0]?.id ?? '';
    const streams = await Promise.all(Array.from({ length: 100 }, () => open(task, { follow: true })));
    const slow = await open(task, { follow: true });
    const found = streams.map(() => [] as LogEntry[]);
    const reading = Promise.all(
      streams.map(async (entries, index) => {
        for await (const entry of entries) found[index]?.push(entry);
      }),
    );
    const lines = Array.from({ length: 200 }, (_, index) => `line ${index}\n`);
    for (const line of lines) rig.runtime.engine.write(id, 'stdout', line);
    rig.runtime.engine.exit(id, 0);
    let isOver = false;
    void reading.finally(() => {
      isOver = true;
    });
    await until('all have ended', () => isOver);
    for (const mine of found) expect(bytesOf(mine, 'stdout').toString()).to.equal(lines.join(''));
    expect(bytesOf(await Array.fromAsync(slow), 'stdout').toString()).to.equal(lines.join(''));
  });
});
