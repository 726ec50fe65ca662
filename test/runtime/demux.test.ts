import { Readable } from 'node:stream';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { LogChunk } from '../../machinery/runtime.ts';
import { Demultiplexer } from '../../runtime/docker/demux.ts';
import { readFrames, StampedLog } from '../../runtime/docker/stamped-log.ts';
import { collect, joined } from './expectations.ts';

const TYPES = { stdout: 1, stderr: 2 } as const;

function frame(type: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

function stamped(second: number, stream: LogChunk['stream'], text: string): Buffer {
  const stamp = `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z `;
  return frame(TYPES[stream], Buffer.from(stamp + text));
}

/** Cuts the bytes at these places, whatever they are. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length));
}

const chunks = fc.array(
  fc.record({
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    data: fc.uint8Array({ maxLength: 60 }),
  }),
  { maxLength: 12 },
);
const places = fc.array(fc.nat(), { maxLength: 40 });

describe('Demultiplexer', () => {
  it('gives the same bytes however the stream is cut', () => {
    fc.assert(
      fc.property(chunks, places, (written, at) => {
        const bytes = Buffer.concat(written.map(({ stream, data }) => frame(TYPES[stream], data)));
        const frames = new Demultiplexer();
        const read = cut(bytes, at).flatMap((piece) => frames.push(piece));
        frames.end();
        const said = written.filter(({ data }) => data.length > 0);
        expect(joined(read)).to.deep.equal(joined(said));
        expect(read.filter(({ isFirst }) => isFirst)).to.have.lengthOf(said.length);
      }),
    );
  });

  it('takes stdin, which attach echoes, for standard output', () => {
    expect(new Demultiplexer().push(frame(0, Buffer.from('typed')))).to.have.nested.property(
      '[0].stream',
      'stdout',
    );
  });

  it('refuses what is not a multiplexed stream', () => {
    expect(() => new Demultiplexer().push(Buffer.from('plain text'))).to.throw(
      'expected a multiplexed stream',
    );
  });

  it('throws what the engine complains of in the stream', () => {
    expect(() => new Demultiplexer().push(frame(3, Buffer.from('log driver broke')))).to.throw(
      'log driver broke',
    );
  });

  for (const bytes of [3, 8, 10]) {
    it(`notices an end after ${bytes} bytes of a frame of 12`, () => {
      const frames = new Demultiplexer();
      frames.push(frame(1, Buffer.from('text')).subarray(0, bytes));
      expect(() => frames.end()).to.throw('ended in the middle of a frame');
    });
  }

  it('reads a stream to its end', async () => {
    const stream = Readable.from([frame(1, Buffer.from('a')), frame(2, Buffer.from('b'))]);
    expect(await collect(readFrames(stream))).to.deep.equal([
      { stream: 'stdout', data: Buffer.from('a') },
      { stream: 'stderr', data: Buffer.from('b') },
    ]);
  });
});

describe('A followed log', () => {
  const text = async (stream: AsyncIterable<LogChunk>): Promise<string> =>
    Buffer.concat((await collect(stream)).map(({ data }) => data)).toString();

  it('adds exactly what was not followed, however the stream is cut and wherever it ended', async () => {
    const line = fc.record({
      second: fc.nat({ max: 3 }),
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      text: fc.constantFrom('same\n', 'other\n', ''),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 10 }),
        fc.nat({ max: 10 }),
        places,
        async (lines, seen, at) => {
          const bytes = lines.map(({ second, stream, text }) => stamped(second, stream, text));
          const log = new StampedLog(false);
          const followed = await text(
            log.readFollowed(Readable.from(cut(Buffer.concat(bytes.slice(0, seen)), at))),
          );
          // The engine leaves out what is older than the time asked for.
          const since = Number(log.restQuery()?.since ?? 0);
          const kept = lines.flatMap(({ second }, index) =>
            Date.UTC(2026, 0, 1) / 1000 + second >= since ? [bytes[index] ?? Buffer.alloc(0)] : [],
          );
          // A line that was not seen and has an older time than all that were is out of reach: engines do not write it.
          const isLost = lines.slice(seen).some(({ second }) => Date.UTC(2026, 0, 1) / 1000 + second < since);
          fc.pre(!isLost);
          const rest = await text(log.readOn(Readable.from(cut(Buffer.concat(kept), at))));
          expect(followed + rest).to.equal(lines.map(({ text }) => text).join(''));
        },
      ),
    );
  });

  it('keeps the times for a reader who wants them', async () => {
    const log = new StampedLog(true);
    expect(await text(log.readFollowed(Readable.from([stamped(1, 'stdout', 'a\n')])))).to.equal(
      '2026-01-01T00:00:01.000000000Z a\n',
    );
    expect(log.restQuery()?.since).to.equal('1767225601.000000000');
  });

  it('remembers no more than it needs of a long log', async () => {
    const log = new StampedLog(false);
    const old = Array.from({ length: 1_000 }, () => stamped(1, 'stdout', 'old\n'));
    const recent = Array.from({ length: 256 }, () => stamped(2, 'stdout', 'new\n'));
    await text(log.readFollowed(Readable.from([...old, ...recent])));
    expect(log.restQuery()?.since).to.equal('1767225602.000000000');
    expect(await text(log.readOn(Readable.from([...recent, stamped(3, 'stderr', 'last words')])))).to.equal(
      'last words',
    );
  });

  it('marks where lines were rotated away between two readings', async () => {
    const log = new StampedLog(false);
    await text(log.readFollowed(Readable.from([stamped(1, 'stdout', 'a\n'), stamped(2, 'stdout', 'b\n')])));
    expect(await text(log.readOn(Readable.from([stamped(3, 'stdout', 'c\n')])))).to.equal(
      '--- gantry: output is missing here: the log was rotated before it was read\nc\n',
    );
    expect(
      await text(log.readOn(Readable.from([stamped(3, 'stdout', 'c\n'), stamped(4, 'stderr', 'd\n')]))),
    ).to.equal('d\n');
  });

  it('puts back the newline that an engine drops after a long line', async () => {
    const log = new StampedLog(true);
    log.repairNewlines();
    const frames = [
      stamped(1, 'stdout', 'long'),
      stamped(1, 'stdout', 'er'),
      stamped(2, 'stdout', 'next\n'),
      stamped(3, 'stdout', 'last'),
    ];
    expect(await text(log.readWhole(Readable.from(frames)))).to.equal(
      '2026-01-01T00:00:01.000000000Z longer\n2026-01-01T00:00:02.000000000Z next\n2026-01-01T00:00:03.000000000Z last',
    );
  });

  it('refuses a line without a time', async () => {
    const stream = Readable.from([frame(1, Buffer.from('a line that does not begin with a time\n'))]);
    const error = await collect(new StampedLog(false).readFollowed(stream)).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property('reason', 'Failed');
  });
});
