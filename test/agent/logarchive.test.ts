/** Logs of removed containers: kept whole, within their bounds, and refused when they are damaged. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ArchivedLog, DiskArchive } from '../../agent/logs/archive.ts';
import { ApiError } from '../../machinery/errors.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { seededRandom } from '../../machinery/random.ts';
import type { LogChunk } from '../../machinery/runtime.ts';
import { FakeRuntime } from '../../runtime/fake/fake.ts';

const { signal } = new AbortController();
const HOUR_MS = 3_600_000;

/** A runtime whose every container has the log that the test gives it. */
class Speaking extends FakeRuntime {
  readonly said = new Map<string, readonly LogChunk[]>();
  failure: Error | undefined;
  /** Readings that have begun and not come to their end. */
  readings = 0;

  override async *logs(id: string): AsyncGenerator<LogChunk, void, undefined> {
    this.readings += 1;
    try {
      yield* this.said.get(id) ?? [];
      if (this.failure !== undefined) throw this.failure;
    } finally {
      this.readings -= 1;
    }
  }
}

describe('The archive of logs', () => {
  let directory: string;
  let clock: FakeClock;
  let runtime: Speaking;
  let stopped: AbortController;
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'gantry-archive-')), 'logs');
    clock = new FakeClock();
    runtime = new Speaking({ clock, random: seededRandom(1), images: {} });
    stopped = new AbortController();
  });
  afterEach(() => {
    stopped.abort();
    rmSync(join(directory, '..'), { recursive: true, force: true });
  });

  const open = (retentionBytes = 1024 ** 2, metrics = newMetrics()): DiskArchive =>
    new DiskArchive({
      directory,
      retentionMs: 24 * HOUR_MS,
      retentionBytes,
      runtime,
      clock,
      log: silentLog,
      metrics,
      signal: stopped.signal,
    });
  const stamped = (stream: LogChunk['stream'], text: string | Buffer): LogChunk => ({
    stream,
    data: Buffer.concat([Buffer.from('2026-01-01T00:00:00.000000001Z '), Buffer.from(text)]),
  });
  const noise = (bytes: number): Buffer => {
    const random = seededRandom(bytes);
    return Buffer.from(Array.from({ length: bytes }, () => random.next() * 256));
  };
  const keep = async (archive: DiskArchive, attempt: number, ...said: LogChunk[]): Promise<void> => {
    const id = `container-${attempt}`.padEnd(64, '0');
    runtime.said.set(id, said);
    const end = { attempt, reason: 'Error', exitCode: 3 };
    await archive.keep({ id, taskUid: 'uid-1', taskKey: 'default/web', attempt }, end, signal);
    clock.advance(1_000);
  };
  const content = async (archive: DiskArchive, log: ArchivedLog | undefined): Promise<LogChunk[]> => {
    if (log === undefined) throw new Error('it is not kept');
    return Array.fromAsync(await archive.read(log, signal), ({ data, ...rest }) => ({
      ...rest,
      data: Buffer.from(data),
    }));
  };
  const refusal = async (work: Promise<unknown>): Promise<ApiError> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof ApiError) return error;
    throw new Error('it was not refused', { cause: error });
  };

  it('keeps bytes, streams, times and marks, and how it ended; twice is once; also over a restart', async () => {
    const chunks: LogChunk[] = [
      stamped('stdout', Buffer.from([0, 255, 195, 10])),
      stamped('stderr', 'an error\n'),
      { stream: 'stdout', data: Buffer.from('--- gantry: gap\n'), isMark: true },
      stamped('stdout', noise(100_000)),
    ];
    const first = open();
    await keep(first, 1, ...chunks);
    await keep(first, 1, stamped('stdout', 'another'));
    for (const archive of [first, open()]) {
      const [log, ...others] = await archive.of('uid-1');
      expect(others).to.deep.equal([]);
      expect(await content(archive, log)).to.deep.equal(chunks);
      expect(await archive.story(log as ArchivedLog)).to.deep.include({
        taskKey: 'default/web',
        attempt: 1,
        end: { attempt: 1, reason: 'Error', exitCode: 3 },
      });
      expect(await archive.of('uid-2')).to.deep.equal([]);
    }
  });

  it('keeps a container that said nothing', async () => {
    const archive = open();
    await keep(archive, 1);
    expect(await content(archive, (await archive.of('uid-1'))[0])).to.deep.equal([]);
  });

  it('lets the oldest go when there is no room, and never takes more', async () => {
    const metrics = newMetrics();
    const archive = open(100_000, metrics);
    for (let attempt = 1; attempt <= 8; attempt++) {
      await keep(archive, attempt, stamped('stdout', noise(30_000)));
      const used = readdirSync(directory).reduce(
        (sum, name) => sum + statSync(join(directory, name)).size,
        0,
      );
      expect(used).to.be.at.most(100_000);
    }
    expect((await archive.of('uid-1')).map(({ attempt }) => attempt)).to.deep.equal([6, 7, 8]);
    const text = await metrics.metrics();
    expect(text).to.include('gantry_log_archive_removed_total{reason="bytes"} 5');
    expect(text).to.include('gantry_log_archive_logs 3');
  });

  it('lets go what is too old', async () => {
    const archive = open();
    await keep(archive, 1, stamped('stdout', 'old\n'));
    clock.advance(23 * HOUR_MS);
    await keep(archive, 2, stamped('stdout', 'new\n'));
    clock.advance(2 * HOUR_MS);
    expect((await archive.of('uid-1')).map(({ attempt }) => attempt)).to.deep.equal([2]);
  });

  it('lets go of a log that it cannot keep to its end', async () => {
    const archive = open(50_000);
    const lines = Array.from({ length: 20 }, () => stamped('stdout', noise(100_000)));
    const error: unknown = await keep(archive, 1, ...lines).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('message').that.includes('larger than all');
    for (let turn = 0; turn < 20 && runtime.readings > 0; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(runtime.readings).to.equal(0);
  });

  it('refuses one that is larger than all may be, and leaves nothing of it', async () => {
    const archive = open(50_000);
    const kept = keep(archive, 1, stamped('stdout', noise(200_000)));
    const error: unknown = await kept.catch((thrown: unknown) => thrown);
    expect(error)
      .to.have.property('message')
      .that.includes('larger than all logs together may be (50000 bytes)');
    expect(readdirSync(directory)).to.deep.equal([]);
    await keep(archive, 2, stamped('stdout', 'small\n'));
    expect(await archive.of('uid-1')).to.have.length(1);
  });

  it('leaves nothing of a log that could not be read to its end, nor of one that was being written at a crash', async () => {
    const archive = open();
    runtime.failure = new Error('the engine went away');
    const error: unknown = await keep(archive, 1, stamped('stdout', 'half\n')).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property(
      'message',
      'the log of default/web, attempt 1, was not kept: the engine went away',
    );
    expect(readdirSync(directory)).to.deep.equal([]);
    writeFileSync(join(directory, '1.uid-1.1.abc.log.draft'), 'torn');
    expect(await open().of('uid-1')).to.deep.equal([]);
    expect(readdirSync(directory)).to.deep.equal([]);
  });

  it('refuses a damaged one by name, wherever it is damaged, and reads the others', async () => {
    const archive = open();
    await keep(archive, 1, stamped('stdout', noise(5_000)));
    await keep(archive, 2, stamped('stdout', 'fine\n'));
    const [log] = await archive.of('uid-1');
    const path = log?.path ?? '';
    const whole = readFileSync(path);
    const random = seededRandom(11);
    for (let round = 0; round < 40; round++) {
      const broken = Buffer.from(whole);
      const at = Math.floor(random.next() * whole.length);
      if (round % 4 === 0) writeFileSync(path, broken.subarray(0, at));
      else {
        broken[at] = (broken[at] ?? 0) ^ (1 + Math.floor(random.next() * 255));
        writeFileSync(path, broken);
      }
      const outcome = await content(archive, log).then(
        (chunks) => Buffer.concat(chunks.map(({ data }) => data)),
        (error: unknown) => error,
      );
      // A flipped letter in the story is none in the log.
      if (Buffer.isBuffer(outcome))
        expect(outcome.equals(Buffer.concat([stamped('stdout', noise(5_000)).data]))).to.equal(true);
      else expect(outcome).to.be.instanceOf(ApiError).and.to.have.property('message').that.includes(path);
    }
    writeFileSync(path, '');
    expect((await refusal(archive.story(log as ArchivedLog))).message)
      .to.include('is damaged')
      .and.to.include(path);
    expect(await content(archive, (await archive.of('uid-1'))[1])).to.deep.equal([
      stamped('stdout', 'fine\n'),
    ]);
  });
});
