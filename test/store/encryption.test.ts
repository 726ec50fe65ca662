/** Encrypted values: which are, who can read them, what is noticed, and that no message ever tells a secret. */
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { StoreError } from '../../machinery/errors.ts';
import { type Encryption, KeyRing, KeyRingError } from '../../store/encryption.ts';
import { Envelopes } from '../../store/envelope.ts';
import { bytes, text } from './builders.ts';

const SECRET = 'correct horse battery staple';
const keyLine = (seed: string): string => Buffer.alloc(32, seed).toString('base64');
const ringOf = (...seeds: string[]): KeyRing => KeyRing.parse(seeds.map(keyLine).join('\n'));

function withKeys(keys: KeyRing): Envelopes {
  const encryption: Encryption = { keys, prefixes: ['/secrets/'] };
  return new Envelopes(encryption);
}

function refusal(envelopes: Envelopes, key: string, record: Uint8Array): string {
  try {
    envelopes.open(key, 7, record);
  } catch (error) {
    expect(error).to.be.instanceOf(StoreError).and.include({ reason: 'Corrupt' });
    const message = error instanceof Error ? error.message : '';
    expect(message).to.contain(`"${key}" at revision 7`).and.not.contain(SECRET);
    return message;
  }
  throw new Error('the record was taken for good');
}

/** The checksum made to fit again, as somebody with the file in hand and without the key would. */
function withFreshChecksum(record: Uint8Array, key: string): Buffer {
  const changed = Buffer.from(record);
  changed.writeUInt32BE(crc32(changed.subarray(24), crc32(key, crc32(changed.subarray(0, 20)))), 20);
  return changed;
}

describe('encryption', () => {
  const one = withKeys(ringOf('one'));

  it('encrypts values under its prefixes and leaves the others plain', () => {
    const secret = one.seal('/secrets/a', bytes(SECRET), 1000, 3);
    expect(Buffer.from(secret).includes(SECRET)).to.equal(false);
    const opened = one.open('/secrets/a', 7, secret);
    expect(text(opened.payload)).to.equal(SECRET);
    expect(opened).to.deep.include({ writtenAtMs: 1000, position: 3, keyId: ringOf('one').currentId });

    const plain = one.seal('/secretsnot', bytes(SECRET), 1000);
    expect(Buffer.from(plain).includes(SECRET)).to.equal(true);
    expect(one.open('/secretsnot', 7, plain).keyId).to.equal(0);
  });

  it('encrypts the empty value too, and the same value never to the same bytes', () => {
    expect(text(one.open('/secrets/a', 7, one.seal('/secrets/a', bytes(''), 0)).payload)).to.equal('');
    const [first, second] = [1, 2].map(() => one.seal('/secrets/a', bytes(SECRET), 0));
    expect(Buffer.from(first ?? []).equals(second ?? Buffer.of())).to.equal(false);
  });

  it('reads values from before it was turned on', () => {
    const before = new Envelopes().seal('/secrets/a', bytes(SECRET), 1000);
    expect(text(one.open('/secrets/a', 7, before).payload)).to.equal(SECRET);
  });

  it('encrypts with the first key and reads with all of them: how a key is changed', () => {
    const old = one.seal('/secrets/a', bytes(SECRET), 0);
    const both = withKeys(ringOf('two', 'one'));
    expect(text(both.open('/secrets/a', 7, old).payload)).to.equal(SECRET);
    const renewed = both.seal('/secrets/a', bytes(SECRET), 0);
    expect(text(withKeys(ringOf('two')).open('/secrets/a', 7, renewed).payload)).to.equal(SECRET);
    expect(refusal(one, '/secrets/a', renewed)).to.contain('it is not in the keys given');
  });

  it('names the key that is missing, and never a key or a value', () => {
    const record = one.seal('/secrets/a', bytes(SECRET), 0);
    const id = `0x${ringOf('one').currentId.toString(16).padStart(8, '0')}`;
    for (const envelopes of [new Envelopes(), withKeys(ringOf('two'))]) {
      const message = refusal(envelopes, '/secrets/a', record);
      expect(message).to.contain(id).and.contain('key file');
      for (const seed of ['one', 'two']) expect(message).to.not.contain(keyLine(seed));
    }
  });

  it('refuses a value that was moved to another key, checksum and all', () => {
    const record = one.seal('/secrets/a', bytes(SECRET), 0);
    expect(refusal(one, '/secrets/b', record)).to.contain('checksum');
    const forged = withFreshChecksum(record, '/secrets/b');
    expect(refusal(one, '/secrets/b', forged)).to.contain('is not what key');
  });

  it('refuses a changed value, checksum and all, at every byte, and one that was cut', () => {
    const record = one.seal('/secrets/a', bytes('x'), 0);
    for (let at = 24; at < record.byteLength; at++) {
      const changed = Buffer.from(record);
      changed[at] = (changed[at] ?? 0) ^ 1;
      refusal(one, '/secrets/a', withFreshChecksum(changed, '/secrets/a'));
    }
    for (let length = 24; length < record.byteLength; length++) {
      refusal(one, '/secrets/a', withFreshChecksum(record.subarray(0, length), '/secrets/a'));
    }
  });

  it('refuses a wrong key that has the same id', () => {
    const record = Buffer.from(one.seal('/secrets/a', bytes(SECRET), 0));
    record.writeUInt32BE(ringOf('two').currentId, 4);
    const forged = withFreshChecksum(record, '/secrets/a');
    expect(refusal(withKeys(ringOf('two')), '/secrets/a', forged)).to.contain('is not what key');
  });
});

describe('a key file', () => {
  const problem = (content: string): string => {
    try {
      KeyRing.parse(content);
    } catch (error) {
      expect(error).to.be.instanceOf(KeyRingError);
      return error instanceof Error ? error.message : '';
    }
    throw new Error('the file was taken for good');
  };

  it('takes comments, empty lines, spaces, Windows line ends, and base64 without its padding', () => {
    const content = `\uFEFF# made by hand\r\n\r\n  ${keyLine('one').replace('=', '')}  # the new one\r\n${keyLine('two')}`;
    const ring = KeyRing.parse(content);
    expect(ring.currentId).to.equal(ringOf('one').currentId);
    expect(ring.has(ringOf('two').currentId)).to.equal(true);
    expect(ring.has(ringOf('three').currentId)).to.equal(false);
  });

  it('comes new with one key, another one each time', () => {
    const [first, second] = [KeyRing.newFile(), KeyRing.newFile()];
    expect(KeyRing.parse(first).currentId).to.not.equal(KeyRing.parse(second).currentId);
  });

  for (const [what, content, wanted] of [
    ['nothing in it', '', 'it holds no key'],
    ['comments only', '# a\n\n# b\n', 'it holds no key'],
    ['a key that is too short', Buffer.alloc(31, 'q').toString('base64'), 'line 1 is not a key'],
    ['a key that is too long', Buffer.alloc(33, 'q').toString('base64'), 'line 1 is not a key'],
    ['a key in hexadecimal', Buffer.alloc(32, 'q').toString('hex'), 'line 1 is not a key'],
    ['a key with other letters', keyLine('q').replace('c', '!'), 'line 1 is not a key'],
    ['two keys on a line', `${keyLine('q')} ${keyLine('r')}`, 'line 1 is not a key'],
    ['a bad line after good ones', `${keyLine('q')}\n\nwrong`, 'line 3 is not a key'],
    ['the same key twice', `${keyLine('q')}\n${keyLine('q')}`, 'two of its keys are the same'],
  ] as const) {
    it(`is refused with ${what}, without a word of what it holds`, () => {
      const message = problem(content);
      expect(message).to.contain(wanted);
      for (const word of content.split(/\s+/).filter((part) => part.length > 4)) {
        expect(message).to.not.contain(word);
      }
    });
  }

  it('shows no key when it is printed or logged', () => {
    const key = randomBytes(32);
    const ring = KeyRing.parse(key.toString('base64'));
    for (const shown of [inspect(ring, { depth: 9, showHidden: true }), JSON.stringify(ring)]) {
      expect(shown).to.not.contain(key.toString('base64')).and.not.contain(key.toString('hex').slice(0, 8));
      expect(shown).to.not.contain('Buffer');
    }
  });
});
