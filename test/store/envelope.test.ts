import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { StoreError } from '../../machinery/errors.ts';
import { KeyRing } from '../../store/encryption.ts';
import { Envelopes, MAX_POSITIONS } from '../../store/envelope.ts';
import { bytes, text } from './builders.ts';

const envelopes = new Envelopes();

/** Changes one header byte of a good record and makes its checksum fit again, as a later release would. */
function rewritten(key: string, offset: number, value: number): Buffer {
  const record = Buffer.from(envelopes.seal(key, bytes('payload'), 1000));
  record[offset] = value;
  record.writeUInt32BE(crc32(record.subarray(24), crc32(key, crc32(record.subarray(0, 20)))), 20);
  return record;
}

function refusal(key: string, record: Uint8Array): string {
  try {
    envelopes.open(key, 7, record);
  } catch (error) {
    expect(error).to.be.instanceOf(StoreError).and.include({ reason: 'Corrupt' });
    const message = error instanceof Error ? error.message : '';
    expect(message).to.contain(`"${key}" at revision 7`);
    return message;
  }
  throw new Error('the record was taken for good');
}

describe('envelope', () => {
  it('gives back the payload and the time of writing', () => {
    for (const payload of ['', 'x', '{"kind":"Task"}']) {
      const opened = envelopes.open('/a', 1, envelopes.seal('/a', bytes(payload), 1_767_225_600_123));
      expect(text(opened.payload)).to.equal(payload);
      expect(opened.writtenAtMs).to.equal(1_767_225_600_123);
    }
  });

  it('notices a change of any one byte', () => {
    const good = envelopes.seal('/a', bytes('payload'), 1000);
    for (let at = 0; at < good.byteLength; at++) {
      const record = Uint8Array.from(good);
      record[at] = (record[at] ?? 0) ^ 0x10;
      refusal('/a', record);
    }
  });

  it('notices a value that sits under another key, and one that was cut', () => {
    const record = envelopes.seal('/a', bytes('payload'), 1000);
    expect(refusal('/b', record)).to.contain('checksum');
    for (const length of [0, 1, 23, 24, record.byteLength - 1]) refusal('/a', record.subarray(0, length));
  });

  it('keeps the position of a write in its batch', () => {
    const at = (position: number): number =>
      envelopes.open('/a', 1, envelopes.seal('/a', bytes(''), 0, position)).position;
    expect([at(0), at(1), at(MAX_POSITIONS - 1)]).to.deep.equal([0, 1, MAX_POSITIONS - 1]);
  });

  it('keeps a note beside the payload, encrypted with it where it is', () => {
    const keys = KeyRing.parse(KeyRing.newFile());
    for (const sealer of [envelopes, new Envelopes({ keys, prefixes: ['/'] })]) {
      for (const note of ['', 'ann', '{"user":"ånn"}', 'n'.repeat(4096)]) {
        const opened = sealer.open('/a', 1, sealer.seal('/a', bytes('payload'), 7, 3, note));
        expect(text(opened.payload)).to.equal('payload');
        expect(opened).to.include({ note, writtenAtMs: 7, position: 3 });
      }
      expect(sealer.open('/a', 1, sealer.seal('/a', bytes('ab'), 7)).note).to.equal(undefined);
    }
    const secret = new Envelopes({ keys, prefixes: ['/'] }).seal('/a', bytes('payload'), 7, 0, 'who it was');
    expect(Buffer.from(secret).includes('who it was')).to.equal(false);
  });

  it('is as long as it was, and of the format that earlier releases read, without a note', () => {
    const record = envelopes.seal('/a', bytes('payload'), 7);
    expect(record.byteLength).to.equal(24 + 'payload'.length);
    expect(record[2]).to.equal(2);
    expect(envelopes.seal('/a', bytes('payload'), 7, 0, '')[2]).to.equal(3);
  });

  it('refuses a note that is longer than all there is', () => {
    expect(refusal('/a', rewritten('/a', 2, 3))).to.contain('its note should be longer than all of it');
  });

  it('opens what format 1 wrote: no position, not encrypted', () => {
    const opened = envelopes.open('/a', 7, rewritten('/a', 2, 1));
    expect(text(opened.payload)).to.equal('payload');
    expect(opened).to.deep.include({ writtenAtMs: 1000, position: 0, keyId: 0 });
  });

  it('refuses what a newer release wrote, in plain words', () => {
    expect(refusal('/a', rewritten('/a', 2, 4))).to.contain('envelope format 4, wanted 3 or older');
    expect(refusal('/a', rewritten('/a', 11, 2))).to.contain('payload schema 2, wanted 1 or older');
  });

  it('refuses what is encrypted when no keys were given, and says which key it wants', () => {
    const message = refusal('/a', rewritten('/a', 7, 5));
    expect(message).to.contain('encrypted with key 0x00000005').and.contain('no encryption keys were given');
    expect(message).to.contain('key file');
  });
});
