/** SPDY frames and header blocks: the same result however bytes are cut, and nothing but `SpdyError` for what is none. */
import { constants, createDeflate, type Deflate } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { HEADER_DICTIONARY } from '../../../net/spdy/dictionary.ts';
import {
  dataHeader,
  FrameReader,
  goAway,
  MAX_CONTROL_BYTES,
  ping,
  rstStream,
  SpdyError,
  type SpdyFrame,
  settings,
  synReply,
  synStream,
  windowUpdate,
} from '../../../net/spdy/frames.ts';
import { HeaderReader, HeaderWriter, MAX_HEADER_BYTES } from '../../../net/spdy/headers.ts';

/** All frames; pieces of one stream's data that follow each other joined. */
function readAll(chunks: readonly Buffer[]): SpdyFrame[] {
  const reader = new FrameReader();
  const frames: SpdyFrame[] = [];
  for (const chunk of chunks) {
    for (const frame of reader.read(chunk)) {
      const last = frames.at(-1);
      if (frame.type === 'data' && last?.type === 'data' && last.streamId === frame.streamId && !last.isFin) {
        frames[frames.length - 1] = { ...frame, data: Buffer.concat([last.data, frame.data]) };
      } else frames.push(frame);
    }
  }
  return frames;
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...cuts.map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

const anyFrame: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 99 }), fc.uint8Array({ maxLength: 300 }), fc.boolean())
    .map(([id, data, isFin]) => Buffer.concat([dataHeader(id, data.length, isFin), data])),
  fc
    .tuple(fc.integer({ min: 1, max: 99 }), fc.uint8Array({ maxLength: 50 }))
    .map(([id, block]) => synStream(id, Buffer.from(block), false)),
  fc.nat().map(ping),
  fc
    .tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 11 }))
    .map(([id, status]) => rstStream(id, status)),
  fc.nat(0x7fffffff).map(settings),
  fc.tuple(fc.nat(99), fc.nat(0x7fffffff)).map(([id, delta]) => windowUpdate(id, delta)),
  fc.constant(goAway(7, 0)),
);

describe('SPDY frames', () => {
  it('are read as they were written', () => {
    const block = Buffer.from('block');
    const bytes = [
      synStream(1, block, true),
      synReply(1, block),
      Buffer.concat([dataHeader(1, 2, false), Buffer.from('hi')]),
      dataHeader(1, 0, true),
      rstStream(3, 5),
      settings(1000),
      ping(8),
      windowUpdate(0, 77),
      goAway(3, 1),
    ];
    expect(readAll(bytes)).to.deep.equal([
      { type: 'syn-stream', streamId: 1, isFin: true, isUnidirectional: false, headerBlock: block },
      { type: 'syn-reply', streamId: 1, isFin: false, headerBlock: block },
      { type: 'data', streamId: 1, data: Buffer.from('hi'), isFin: true },
      { type: 'rst-stream', streamId: 3, status: 5 },
      { type: 'settings', initialWindow: 1000 },
      { type: 'ping', id: 8 },
      { type: 'window-update', streamId: 0, delta: 77 },
      { type: 'goaway', lastGoodStreamId: 3, status: 1 },
    ]);
  });

  it('are the same however they are cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.nat(4000)), (frames, cuts) => {
        const bytes = Buffer.concat(frames);
        expect(readAll(cut(bytes, cuts))).to.deep.equal(readAll([bytes]));
      }),
    );
  });

  it('that are none throw SpdyError and nothing else', () => {
    const header = fc.constantFrom(
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 99].map((kind) => Buffer.from([0x80, 3, 0, kind])),
    );
    const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(
        fc.option(header, { nil: Buffer.alloc(0) }),
        random,
        fc.array(fc.nat(200)),
        (start, rest, cuts) => {
          try {
            readAll(cut(Buffer.concat([start, rest]), cuts));
          } catch (error) {
            expect(error).to.be.instanceOf(SpdyError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  const wrong: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['another version', Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1])],
    ['a control frame without end', Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff])],
    ['a PING without an id', Buffer.from([0x80, 3, 0, 6, 0, 0, 0, 0])],
    ['SETTINGS that end too early', Buffer.from([0x80, 3, 0, 4, 0, 0, 0, 4, 0, 0, 0, 9])],
  ];
  for (const [what, bytes] of wrong) {
    it(`refuse ${what}`, () => expect(() => readAll([bytes])).to.throw(SpdyError));
  }

  it('hold no more than one control frame, and nothing of a data frame', () => {
    const reader = new FrameReader();
    const huge = Buffer.concat([dataHeader(1, 0xffffff, false), Buffer.alloc(1000)]);
    const pieces = [...reader.read(huge), ...reader.read(Buffer.alloc(5000))];
    expect(pieces.map((frame) => frame.type === 'data' && frame.data.length)).to.deep.equal([1000, 5000]);
    expect(MAX_CONTROL_BYTES).to.be.at.most(64 * 1024);
  });
});

/** As a client compresses: one stream, flushed after each block. */
function compressor(): (bytes: Buffer) => Promise<Buffer> {
  const deflate: Deflate = createDeflate({ dictionary: HEADER_DICTIONARY });
  return (bytes) =>
    new Promise((resolve) => {
      const pieces: Buffer[] = [];
      const keep = (piece: Buffer): void => void pieces.push(piece);
      deflate.on('data', keep);
      deflate.write(bytes);
      deflate.flush(constants.Z_SYNC_FLUSH, () => {
        deflate.off('data', keep);
        resolve(Buffer.concat(pieces));
      });
    });
}

function plain(headers: Readonly<Record<string, string>>): Buffer {
  const figure = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
  const word = (text: string): Buffer => Buffer.concat([figure(text.length), Buffer.from(text)]);
  const entries = Object.entries(headers);
  return Buffer.concat([figure(entries.length), ...entries.flat().map(word)]);
}

describe('SPDY headers', () => {
  it('that a client compressed with the dictionary are read, block after block', async () => {
    const compress = compressor();
    const reader = new HeaderReader();
    const blocks = [
      { streamtype: 'error', port: '80' },
      { StreamType: 'data', port: '80', requestid: '1' },
      {},
    ];
    const read: unknown[] = [];
    for (const block of blocks)
      read.push(Object.fromEntries(await reader.read(await compress(plain(block)))));
    expect(read).to.deep.equal([
      { streamtype: 'error', port: '80' },
      { streamtype: 'data', port: '80', requestid: '1' },
      {},
    ]);
    reader.close();
  });

  it('that we write are read by any zlib', async () => {
    const writer = new HeaderWriter();
    const reader = new HeaderReader();
    for (const headers of [new Map(), new Map([['streamtype', 'data']])]) {
      expect(await reader.read(writer.write(headers))).to.deep.equal(headers);
    }
    reader.close();
  });

  it('that become more than they may are refused, however small they came', async () => {
    const reader = new HeaderReader();
    const bomb = await compressor()(plain({ a: 'x'.repeat(MAX_HEADER_BYTES * 4) }));
    expect(bomb.length).to.be.lessThan(2000);
    const failure = await reader.read(bomb).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(SpdyError);
    expect(String(failure)).to.match(/more than 65536 bytes/);
    expect(await reader.read(bomb).catch((error: unknown) => error)).to.equal(failure);
  });

  it('that are none are refused, whatever the bytes', async () => {
    const compress = compressor();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), fc.boolean(), async (bytes, isDeflated) => {
        const reader = new HeaderReader();
        const block = Buffer.from(bytes);
        const found = await reader
          .read(isDeflated ? await compress(block) : block)
          .catch((error: unknown) => error);
        reader.close();
        if (!(found instanceof Map)) expect(found).to.be.instanceOf(SpdyError);
      }),
    );
  });
});
