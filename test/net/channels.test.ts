/** Channel protocols and terminal sizes: what each message means, and that no message can do harm. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  CHANNEL_PROTOCOLS,
  type ChannelProtocol,
  chooseChannelProtocol,
  readChannelMessage,
  writeChannelMessage,
} from '../../net/channels.ts';
import { TerminalSizeReader } from '../../net/terminalsizes.ts';

function named(name: string): ChannelProtocol {
  const found = CHANNEL_PROTOCOLS.find((protocol) => protocol.name === name);
  if (found === undefined) throw new Error(`no protocol ${name}`);
  return found;
}
const v5 = named('v5.channel.k8s.io');
const v4 = named('v4.channel.k8s.io');
const base64 = named('v4.base64.channel.k8s.io');

describe('channel protocols', () => {
  const choices: readonly (readonly [offered: readonly string[], chosen: string | undefined])[] = [
    [['v5.channel.k8s.io', 'v4.channel.k8s.io'], 'v5.channel.k8s.io'],
    [['v3.channel.k8s.io', 'v4.channel.k8s.io'], 'v4.channel.k8s.io'],
    [['base64.channel.k8s.io'], 'base64.channel.k8s.io'],
    [[], ''],
    [['chat', 'v9.channel.k8s.io'], undefined],
  ];
  for (const [offered, chosen] of choices) {
    it(`offered [${offered.join(' ')}], ${chosen ?? 'none'} is chosen`, () => {
      expect(chooseChannelProtocol(offered)?.name).to.equal(chosen);
    });
  }

  const rows: readonly (readonly [
    what: string,
    protocol: ChannelProtocol,
    message: string | readonly number[],
    meaning: string,
  ])[] = [
    ['data', v5, [0, 104, 105], 'data 0 hi'],
    ['data of an unheard-of channel', v5, [9, 104], 'data 9 h'],
    ['data without bytes', v5, [1], 'data 1 '],
    ['nothing', v5, [], 'empty'],
    ['the end of a channel', v5, [255, 0], 'close 0'],
    ['the end of no channel', v5, [255], 'malformed'],
    ['the end of two channels', v5, [255, 0, 1], 'malformed'],
    ['255, where channels have no end of their own', v4, [255, 0], 'data 255 \0'],
    ['text in base64', base64, '0aGk=', 'data 0 hi'],
    ['text in base64, on two lines', base64, '0aG\nk=', 'data 0 hi'],
    ['a channel that is no digit', base64, 'xaGk=', 'malformed'],
    ['something else than base64', base64, '0a?k=', 'malformed'],
    ['base64 that is cut', base64, '0aGk', 'malformed'],
  ];
  for (const [what, protocol, message, meaning] of rows) {
    it(`${protocol.name}: ${what}`, () => {
      const found = readChannelMessage(protocol, Buffer.from(message as string));
      const told =
        found.type === 'data'
          ? `data ${found.channel} ${found.data.toString()}`
          : found.type === 'close'
            ? `close ${found.channel}`
            : found.type;
      expect(told).to.equal(meaning);
    });
  }

  it('read what they wrote, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom(v4, base64), fc.nat(9), fc.uint8Array(), (protocol, channel, data) => {
        const message = Buffer.from(writeChannelMessage(protocol, channel, data));
        expect(readChannelMessage(protocol, message)).to.deep.equal({
          type: 'data',
          channel,
          data: Buffer.from(data),
        });
      }),
    );
  });

  it('never throw, whatever comes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CHANNEL_PROTOCOLS), fc.uint8Array(), (protocol, bytes) => {
        readChannelMessage(protocol, Buffer.from(bytes));
      }),
    );
  });
});

describe('terminal sizes', () => {
  it('are read however they are cut', () => {
    const text = Buffer.from('{"Width":91,"Height":33}\n{"Width":80,"Height":24}');
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const reader = new TerminalSizeReader();
        const edges = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const sizes = edges.slice(1).flatMap((end, index) => reader.read(text.subarray(edges[index], end)));
        expect(sizes).to.deep.equal([
          { columns: 91, rows: 33 },
          { columns: 80, rows: 24 },
        ]);
      }),
    );
  });

  it('that are none are skipped, and the next one still counts', () => {
    const reader = new TerminalSizeReader();
    const texts = [
      '}{"Width":0,"Height":0}',
      'x'.repeat(5000),
      '}{"Width":1e9,"Height":1}{"Width":2,"Height":3}',
    ];
    expect(texts.flatMap((text) => reader.read(Buffer.from(text)))).to.deep.equal([{ columns: 2, rows: 3 }]);
  });
});
