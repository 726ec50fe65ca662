/**
 * Encryption of stored values: AES-256-GCM with the store key as additional data, so that a value moved under another
 * key is refused. Which keys' values are encrypted is told by their prefixes.
 *
 * The keys come from a file of their own that no backup holds and every server of a cluster has alike: one key a line,
 * 32 bytes in base64; `#` begins a comment. The first line encrypts, every line decrypts: a key is changed by putting a
 * new one on top. A stored value names its key by the first four bytes of the key's SHA-256.
 * Source of the scheme: NIST SP 800-38D; Kubernetes documentation, "Encrypting Confidential Data at Rest".
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Encryption {
  readonly keys: KeyRing;
  /** Values of keys that start with one of these are encrypted when they are written. */
  readonly prefixes: readonly string[];
  /** Where the keys came from, for messages. */
  readonly keyFile?: string;
}

export interface EncryptedValue {
  readonly keyId: number;
  readonly bytes: Uint8Array;
}

/** What is wrong with the text of a key file, in one sentence. */
export class KeyRingError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeyRingError';
  }
}

export class KeyRing {
  readonly #first: { readonly id: number; readonly key: Buffer };
  readonly #byId: ReadonlyMap<number, Buffer>;

  private constructor(keys: readonly Buffer[]) {
    const [first] = keys;
    if (first === undefined) throw new KeyRingError('it holds no key; wanted 32 bytes in base64 on a line');
    this.#first = { id: idOf(first), key: first };
    this.#byId = new Map(keys.map((key) => [idOf(key), key]));
    if (this.#byId.size < keys.length)
      throw new KeyRingError('two of its keys are the same, or share an id; remove one');
  }

  /** Throws `KeyRingError`, which never holds a key. */
  static parse(text: string): KeyRing {
    const keys: Buffer[] = [];
    for (const [at, line] of text.split('\n').entries()) {
      const word = line.replace(/#.*/, '').trim();
      if (word === '') continue;
      const key = Buffer.from(word, 'base64');
      if (key.length !== KEY_BYTES || key.toString('base64').replace(/=+$/, '') !== word.replace(/=+$/, '')) {
        throw new KeyRingError(`line ${at + 1} is not a key: wanted ${KEY_BYTES} bytes in base64`);
      }
      keys.push(key);
    }
    return new KeyRing(keys);
  }

  /** The text of a new file with one new key. */
  static newFile(): string {
    return `# Encrypts what is secret in Gantry's store. Keep it safe, apart from backups, and the same on every server.\n${randomBytes(KEY_BYTES).toString('base64')}\n`;
  }

  /** The id of the key that encrypts. */
  get currentId(): number {
    return this.#first.id;
  }

  has(keyId: number): boolean {
    return this.#byId.has(keyId);
  }

  encrypt(storeKey: string, plain: Uint8Array): EncryptedValue {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#first.key, nonce).setAAD(Buffer.from(storeKey));
    const bytes = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return { keyId: this.#first.id, bytes };
  }

  /** Undefined when the key is not here, or the bytes are not what it encrypted under this store key. */
  decrypt(storeKey: string, { keyId, bytes }: EncryptedValue): Uint8Array | undefined {
    const key = this.#byId.get(keyId);
    if (key === undefined || bytes.byteLength < NONCE_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.from(storeKey))
      .setAuthTag(bytes.subarray(bytes.byteLength - TAG_BYTES));
    const head = decipher.update(bytes.subarray(NONCE_BYTES, bytes.byteLength - TAG_BYTES));
    try {
      return Buffer.concat([head, decipher.final()]);
    } catch {
      // Node says only that it does not authenticate; the caller says which value that is.
      return undefined;
    }
  }
}

/** Never 0, which stands for plain. */
function idOf(key: Buffer): number {
  return createHash('sha256').update(key).digest().readUInt32BE(0) || 1;
}
