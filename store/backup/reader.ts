/**
 * Reads a backup (`format.ts`) and believes nothing: each block, the order of the keys, the trailer and the end are
 * checked, and every fault is told in one sentence that names the file. Bounded memory: one block at a time.
 */
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fileProblem } from '../../machinery/durablefile.ts';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import type { Envelopes, Opened } from '../envelope.ts';
import { checkKey, compareKeys } from '../keys.ts';
import {
  type BackupEntry,
  type BackupHeader,
  type BackupTrailer,
  BLOCK_HEAD_BYTES,
  type BlockKind,
  CRC_BYTES,
  decodeBlockHead,
  decodeEntries,
  decodeStart,
  decompress,
  encodeBlock,
  FORMAT,
  MAGIC,
  parseHeader,
  parseTrailer,
  START_BYTES,
} from './format.ts';

const READ_BYTES = 256 * 1024;

export type BackupPart =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  | { readonly kind: 'data'; readonly compressed: Buffer }
  | { readonly kind: 'trailer'; readonly trailer: BackupTrailer };

/** A backup's file, held open: later reads see the same bytes although its name may point elsewhere by then. */
export class BackupFile {
  readonly name: string;
  readonly #handle: FileHandle;

  private constructor(name: string, handle: FileHandle) {
    this.name = name;
    this.#handle = handle;
  }

  /** Of a pipe it would wait for ever, and could read it only once. */
  static async open(name: string): Promise<BackupFile> {
    const { O_RDONLY, O_NONBLOCK } = constants;
    const refused = (why: string, cause?: unknown): StoreError =>
      new StoreError('Unavailable', `cannot read the backup ${name}: ${why}`, { cause });
    const handle = await open(name, O_RDONLY | O_NONBLOCK).catch((error: unknown) => {
      throw refused(fileProblem(error), error);
    });
    try {
      const found = await handle.stat();
      if (found.isDirectory()) throw refused('it is a directory');
      if (!found.isFile()) throw refused('it is not an ordinary file, and is read more than once');
      return new BackupFile(name, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** From its first byte on, as often as wanted. */
  async *bytes(): AsyncGenerator<Buffer> {
    for (let position = 0; ; ) {
      const chunk = Buffer.allocUnsafeSlow(READ_BYTES);
      const { bytesRead } = await this.#handle
        .read(chunk, 0, READ_BYTES, position)
        .catch((error: unknown) => {
          throw new StoreError('Unavailable', `cannot read the backup ${this.name}: ${fileProblem(error)}`, {
            cause: error,
          });
        });
      if (bytesRead === 0) return;
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * The parts of a backup in order: one header, data, one trailer, and then the source has ended. Checks all that can be
 * checked without keys. Throws `StoreError('Corrupt')` naming the source.
 */
export async function* readParts(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<BackupPart> {
  const input = new Input(source, name);
  const digest = createHash('sha256');
  digest.update(await readStart(input, name));
  yield { kind: 'header', header: await readHeader(input, digest, name) };
  for (;;) {
    const at = input.position;
    const { kind, payload, bytes } = await readBlock(input, name);
    if (kind === 'H') throw damaged(name, at, 'a second header');
    if (kind === 'D') {
      digest.update(bytes);
      yield { kind: 'data', compressed: payload };
      continue;
    }
    const trailer = parseTrailer(payload);
    if (trailer === undefined) throw damaged(name, at, 'a trailer that is none');
    if (trailer.sha256 !== digest.digest('hex')) {
      throw damaged(name, at, 'a trailer with the SHA-256 of other bytes than those before it');
    }
    if (await input.hasMore()) {
      throw new StoreError(
        'Corrupt',
        `backup ${name} goes on after its end at byte ${input.position}; ${ANOTHER}`,
      );
    }
    yield { kind: 'trailer', trailer };
    return;
  }
}

/** Entries with their payloads, in order, every envelope opened; what is left to ask of the file afterwards. */
export interface CheckedEntry {
  readonly entry: BackupEntry;
  readonly opened: Opened;
}

/**
 * Walks a whole backup: each entry is given to `take`. Resolves to header and trailer when everything was as it should
 * be. Throws `StoreError('Corrupt')` naming the file, also for a key that is not among those given.
 */
export async function readBackup(
  file: { readonly name: string; bytes(): AsyncIterable<Uint8Array> },
  envelopes: Envelopes,
  take: (checked: CheckedEntry) => void,
): Promise<{ readonly header: BackupHeader; readonly trailer: BackupTrailer }> {
  const { name } = file;
  let header: BackupHeader | undefined;
  let last: string | undefined;
  const total = { keys: 0, bytes: 0 };
  for await (const part of readParts(file.bytes(), name)) {
    if (part.kind === 'header') {
      header = part.header;
      continue;
    }
    if (part.kind === 'data') {
      for (const entry of await entriesOf(part.compressed, name)) {
        if (last !== undefined && compareKeys(last, entry.key) >= 0) {
          throw new StoreError(
            'Corrupt',
            `backup ${name} holds key "${entry.key}" after "${last}"; ${ANOTHER}`,
          );
        }
        last = entry.key;
        total.keys++;
        total.bytes += Buffer.byteLength(entry.key) + entry.record.byteLength;
        take({ entry, opened: openEntry(entry, envelopes, name) });
      }
      continue;
    }
    const { trailer } = part;
    if (header === undefined || total.keys !== trailer.keys || total.bytes !== trailer.bytes) {
      throw new StoreError(
        'Corrupt',
        `backup ${name} holds ${total.keys} keys (${total.bytes} bytes), its trailer says ${trailer.keys} (${trailer.bytes} bytes); ${ANOTHER}`,
      );
    }
    return { header, trailer };
  }
  throw new StoreError('Corrupt', `backup ${name} has no trailer; ${ANOTHER}`);
}

const ANOTHER = 'use another backup';

/** Bytes of a source, as many as wanted at a time. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #waiting: Buffer[] = [];
  #bytes = 0;
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>, name: string) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#name = name;
  }

  /** Throws for a source that ends before. */
  async take(bytes: number): Promise<Buffer> {
    if (!(await this.#fill(bytes))) throw cutOff(this.#name, this.position + this.#bytes);
    return this.#consume(bytes);
  }

  /** Fewer where the source ends. */
  async takeUpTo(bytes: number): Promise<Buffer> {
    await this.#fill(bytes);
    return this.#consume(Math.min(bytes, this.#bytes));
  }

  hasMore(): Promise<boolean> {
    return this.#fill(1);
  }

  async #fill(bytes: number): Promise<boolean> {
    while (this.#bytes < bytes) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return false;
      this.#waiting.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      this.#bytes += value.byteLength;
    }
    return true;
  }

  #consume(bytes: number): Buffer {
    const joined = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting, this.#bytes);
    if (joined === undefined) return Buffer.alloc(0);
    this.#waiting = [joined.subarray(bytes)];
    this.#bytes -= bytes;
    this.position += bytes;
    return joined.subarray(0, bytes);
  }
}

async function readStart(input: Input, name: string): Promise<Buffer> {
  const start = await input.takeUpTo(START_BYTES);
  const known = Math.min(start.length, MAGIC.length);
  if (start.length === 0 || !start.subarray(0, known).equals(MAGIC.subarray(0, known))) {
    const what = start.length === 0 ? 'it is empty' : 'it does not begin as one';
    throw new StoreError('Corrupt', `${name} is not a Gantry backup, or is damaged: ${what}; ${ANOTHER}`);
  }
  if (start.length < START_BYTES) throw cutOff(name, start.length);
  const format = decodeStart(start);
  if (format === undefined) throw damaged(name, 0, 'a start that does not match its checksum');
  if (format > FORMAT) {
    throw new StoreError(
      'Corrupt',
      `backup ${name} has format ${format}, this release reads up to ${FORMAT}; restore it with the release that wrote it`,
    );
  }
  return start;
}

async function readHeader(input: Input, digest: Hash, name: string): Promise<BackupHeader> {
  const at = input.position;
  const { kind, payload, bytes } = await readBlock(input, name);
  const header = kind === 'H' ? parseHeader(payload) : undefined;
  if (header === undefined) throw damaged(name, at, 'no header that this release understands');
  digest.update(bytes);
  return header;
}

async function readBlock(
  input: Input,
  name: string,
): Promise<{ readonly kind: BlockKind; readonly payload: Buffer; readonly bytes: Buffer }> {
  const at = input.position;
  const start = await input.take(BLOCK_HEAD_BYTES);
  const head = decodeBlockHead(start);
  if (head === undefined) throw damaged(name, at, 'no block where one should begin');
  const rest = await input.take(head.bytes + CRC_BYTES);
  const payload = rest.subarray(0, head.bytes);
  const bytes = encodeBlock(head.kind, payload);
  if (!bytes.subarray(-CRC_BYTES).equals(rest.subarray(head.bytes))) {
    throw damaged(name, at, 'a block that does not match its checksum');
  }
  return { kind: head.kind, payload, bytes };
}

async function entriesOf(compressed: Buffer, name: string): Promise<readonly BackupEntry[]> {
  try {
    const entries = [...decodeEntries(await decompress(compressed))];
    for (const { key } of entries) checkKey(key);
    return entries;
  } catch (error) {
    throw new StoreError(
      'Corrupt',
      `backup ${name} holds a block that is not entries: ${messageOf(error)}; ${ANOTHER}`,
      {
        cause: error,
      },
    );
  }
}

function openEntry({ key, modRevision, record }: BackupEntry, envelopes: Envelopes, name: string): Opened {
  try {
    return envelopes.open(key, modRevision, record);
  } catch (error) {
    throw new StoreError('Corrupt', `backup ${name} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function damaged(name: string, at: number, found: string): StoreError {
  return new StoreError('Corrupt', `backup ${name} is damaged: found ${found} at byte ${at}; ${ANOTHER}`);
}

function cutOff(name: string, bytes: number): StoreError {
  return new StoreError(
    'Corrupt',
    `backup ${name} is cut off after ${bytes} bytes: its trailer is missing; ${ANOTHER}`,
  );
}
