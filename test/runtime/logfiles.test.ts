/** Log files read in place while they are written and rotated. No engine: its files are written here. */
import { readdirSync, readlinkSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { type Clock, systemClock } from '../../machinery/clock.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { seededRandom } from '../../machinery/random.ts';
import type { LogChunk, LogOptions } from '../../machinery/runtime.ts';
import { LogFiles } from '../../runtime/docker/logfiles/reader.ts';
import { BEGIN_NANOSECONDS, LogWriter } from './logwriter.ts';

const ROTATED = '--- gantry: output is missing here: the log was rotated before it was read';
const { signal } = new AbortController();

/** A container whose end the test decides. */
class Log {
  readonly writer: LogWriter;
  readonly files: LogFiles;
  readonly #ended = Promise.withResolvers<void>();
  readonly #isSingle: boolean;
  lose: () => void = () => undefined;

  constructor(maxBytes = 1_000_000, maxFiles = 5, clock: Clock = systemClock) {
    this.files = new LogFiles(clock);
    this.writer = new LogWriter(maxBytes, maxFiles);
    this.#isSingle = maxFiles === 1;
  }

  end(): void {
    this.#ended.resolve();
  }

  async open(
    options: LogOptions = {},
    until: AbortSignal = signal,
  ): Promise<AsyncGenerator<LogChunk> | undefined> {
    return this.files.read(
      {
        id: 'c',
        directory: this.writer.directory,
        isSingle: this.#isSingle,
        end: {
          until: (stopped, onLost) => {
            this.lose = onLost;
            const aborted = new Promise<void>((resolve) =>
              stopped.addEventListener('abort', () => resolve()),
            );
            return Promise.race([this.#ended.promise, aborted]);
          },
        },
      },
      options,
      until,
    );
  }

  async text(options: LogOptions = {}): Promise<string> {
    const chunks = await this.open(options);
    if (chunks === undefined) throw new Error('the files cannot be read');
    let text = '';
    for await (const { data } of chunks) text += Buffer.from(data).toString('latin1');
    return text;
  }
}

describe('Log files read in place', function () {
  this.timeout(60_000);
  const logs: Log[] = [];
  const newLog = (maxBytes?: number, maxFiles?: number, clock?: Clock): Log => {
    const log = new Log(maxBytes, maxFiles, clock);
    logs.push(log);
    return log;
  };
  afterEach(() => {
    for (const log of logs.splice(0)) {
      log.end();
      log.writer.remove();
    }
  });

  it('give bytes of any kind as they were written, long lines in one, streams apart, times where lines begin', async () => {
    const log = newLog();
    log.writer.write({ stream: 'stdout', text: Buffer.from([0xff, 0x00, 0xc3, 0x80]) });
    log.writer.write({ stream: 'stderr', text: '' });
    log.writer.write({
      stream: 'stdout',
      text: 'a'.repeat(20_000),
      part: 1,
      timeNanoseconds: BEGIN_NANOSECONDS,
    });
    log.writer.write({
      stream: 'stdout',
      text: 'b',
      part: 2,
      isLast: true,
      timeNanoseconds: BEGIN_NANOSECONDS,
    });
    log.writer.write({ stream: 'stderr', text: 'last words', part: 1 });
    expect(await log.text()).to.equal(`\xff\x00\xc3\x80\n\n${'a'.repeat(20_000)}b\nlast words`);
    expect(await log.text({ stream: 'stderr' })).to.equal('\nlast words');
    expect(await log.text({ tailLines: 2 })).to.equal(`${'a'.repeat(20_000)}b\nlast words`);
    expect(await log.text({ tailLines: 1, stream: 'stdout' })).to.equal(`${'a'.repeat(20_000)}b\n`);
    expect(await log.text({ timestamps: true, tailLines: 2 })).to.equal(
      `2026-01-01T00:00:00.000000000Z ${'a'.repeat(20_000)}b\n2026-01-01T00:00:00.000002000Z last words`,
    );
  });

  it('give the last lines and those since a time, across files', async () => {
    const log = newLog(2_000, 4);
    for (let line = 0; line < 200; line++) log.writer.write({ stream: 'stdout', text: `line ${line}` });
    const whole = await log.text();
    expect(whole)
      .to.match(/^line \d+\n/)
      .and.to.match(/line 199\n$/);
    for (const count of [0, 1, 7, 60, 100]) {
      const wanted = Array.from({ length: count }, (_, index) => `line ${200 - count + index}\n`).join('');
      expect(await log.text({ tailLines: count })).to.equal(wanted);
    }
    expect(await log.text({ tailLines: 1_000 })).to.equal(whole);
    const since = Number(BEGIN_NANOSECONDS / 1000n + 190n) / 1e6;
    expect(await log.text({ sinceSeconds: since })).to.match(/^line 190\n(?:line 19\d\n){9}$/);
  });

  it('mark a damaged part and go on after it', async () => {
    const log = newLog();
    log.writer.write({ stream: 'stdout', text: 'before' });
    log.writer.damage(Buffer.alloc(100));
    log.writer.write({ stream: 'stdout', text: 'after' });
    expect(await log.text()).to.equal(
      'before\n--- gantry: output is missing here: a part of the log file is damaged\nafter\n',
    );
  });

  it('are left to the engine when they are something else, or not there', async () => {
    const log = newLog();
    log.writer.damage(Buffer.from('{"log":"text\\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n'));
    expect(await log.open()).to.equal(undefined);
    log.writer.remove();
    expect(await log.open()).to.equal(undefined);
    expect(log.files.size).to.equal(0);
  });

  it('are read once for all who follow, who go on at the byte where they were', async () => {
    const clock = new FakeClock();
    const log = newLog(1_000_000, 5, clock);
    const write = (text: string): void => log.writer.write({ stream: 'stdout', text });
    const follow = async (): Promise<() => string> => {
      const chunks = await log.open({ follow: true });
      if (chunks === undefined) throw new Error('the files cannot be read');
      let text = '';
      following.push(
        (async () => {
          for await (const { data } of chunks) text += Buffer.from(data).toString();
        })(),
      );
      return () => text;
    };
    const following: Promise<void>[] = [];
    const until = async (isSo: () => boolean): Promise<void> => {
      for (let look = 0; !isSo() && look < 10_000; look++) await turn();
      expect(isSo()).to.equal(true);
    };
    write('1');
    const first = await follow();
    await until(() => first() === '1\n');
    // What is read for all comes later than this, for it waits on the clock.
    await until(() => clock.nextDueMs() !== undefined);
    write('2');
    write('3');
    const second = await follow();
    await until(() => second() === '1\n2\n3\n');
    write('4');
    log.end();
    for (let look = 0; look < 10_000 && second().length < 8; look++) {
      clock.advance(10);
      await turn();
    }
    await Promise.all(following);
    expect([first(), second()]).to.deep.equal(['1\n2\n3\n4\n', '1\n2\n3\n4\n']);
  });

  it('say that the engine went away, to who follows', async () => {
    const log = newLog();
    log.writer.write({ stream: 'stdout', text: 'half a line', part: 1 });
    const chunks = (await log.open({ follow: true })) as AsyncGenerator<LogChunk>;
    expect(Buffer.from((await chunks.next()).value.data).toString()).to.equal('half a line');
    const rest = (async () => {
      let text = '';
      for await (const { data } of chunks) text += Buffer.from(data).toString();
      return text;
    })();
    const losing = setInterval(() => log.lose(), 20);
    setTimeout(() => {
      clearInterval(losing);
      log.end();
    }, 200);
    expect(await rest).to.match(/^\n(--- gantry: the container engine went away here: [^\n]*\n)+$/);
  });

  for (const maxFiles of [1, 2, 3]) {
    const seed = Number(process.env['GANTRY_LOGFILES_SEED'] ?? Date.now() % 1_000_000);
    it(`miss nothing and repeat nothing without saying so, ${maxFiles} files kept (seed ${seed})`, async () => {
      const replay = `GANTRY_LOGFILES_SEED=${seed} npx mocha --exit test/runtime/logfiles.test.ts`;
      const random = seededRandom(seed + maxFiles);
      const below = (bound: number): number => Math.floor(random.next() * bound);
      const log = newLog(10_000 + below(60_000), maxFiles);
      const lines = 6_000;
      const seen: { readonly text: string; readonly how: string }[] = [];
      const reading: Promise<void>[] = [];
      const begin = (): void => {
        const tailLines = below(2) === 0 ? undefined : below(500);
        const follow = below(4) > 0;
        const slowness = below(4);
        const options: LogOptions = { follow, ...(tailLines === undefined ? {} : { tailLines }) };
        reading.push(
          (async () => {
            const chunks = await log.open(options);
            if (chunks === undefined) throw new Error('the files cannot be read');
            let text = '';
            for await (const { data } of chunks) {
              text += Buffer.from(data).toString();
              for (let turns = 0; turns < slowness * 20; turns++) await turn();
            }
            seen.push({ text, how: JSON.stringify({ ...options, slowness }) });
          })(),
        );
      };
      for (let line = 0; line < lines; line++) {
        log.writer.write({
          stream: below(5) === 0 ? 'stderr' : 'stdout',
          text: `${line}`.padStart(below(60), '.'),
        });
        if (line > 10 && reading.length < 12 && below(150) === 0) begin();
        if (below(50) === 0) await turn();
        if (below(400) === 0) await new Promise((resolve) => setTimeout(resolve, below(15)));
      }
      begin();
      log.end();
      await Promise.all(reading);
      for (const { text, how } of seen) {
        let last: number | undefined;
        let isMarked = false;
        for (const line of text.split('\n').slice(0, -1)) {
          if (line === ROTATED) {
            isMarked = true;
            continue;
          }
          const number = Number(line.replaceAll('.', '') || Number.NaN);
          const isNext = last === undefined || number === last + 1 || (isMarked && number > last);
          if (!isNext) expect.fail(`${how}: line ${number} came after ${last}; ${replay}`);
          isMarked = false;
          last = number;
        }
        if (how.includes('"follow":true')) expect(last, `${how}; ${replay}`).to.equal(lines - 1);
      }
      expect(log.files.size).to.equal(0);
      expect(openUnder(log.writer.directory), replay).to.equal(0);
    });
  }
});

/** Descriptors of this process on files of the directory, removed ones too. */
function openUnder(directory: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
    } catch {
      return false;
    }
  }).length;
}
