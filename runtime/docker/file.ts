/**
 * One file of a container, read through the engine, which answers with an archive: of that only the first entry is looked
 * at, and no more of it than is wanted.
 *
 * Source of the format: POSIX, pax Interchange Format: "ustar", and sizes that have no room there in a record of their own. The
 * engine follows links on the way to the file inside the container only, and the last part of the path not at all.
 */
import type Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import type { FoundFile } from '../../machinery/runtime.ts';
import { asReadable } from './calls.ts';
import { statusOf, textOf } from './errors.ts';

const BLOCK_BYTES = 512;
/** Of the entries that describe the one that follows. */
const MAX_PREFACE_BYTES = 64 * 1024;
const KINDS: Readonly<Record<string, string>> = {
  '1': 'a link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '5': 'a directory',
  '6': 'a FIFO',
};

/** Rejects with `RuntimeError`, and with the engine's own errors. */
export async function readDockerFile(
  container: Docker.Container,
  path: string,
  maxBytes: number,
  abortSignal: AbortSignal,
): Promise<FoundFile> {
  let archive: AsyncIterable<Buffer>;
  try {
    // The published type forgets the signal.
    const options = { path, abortSignal };
    archive = asReadable(await container.getArchive(options));
  } catch (error) {
    if (statusOf(error) === 404 && !/no such container:/i.test(textOf(error))) return { kind: 'none' };
    throw error;
  }
  const reader = new Blocks(archive[Symbol.asyncIterator]());
  try {
    return await firstEntry(reader, maxBytes);
  } finally {
    await reader.close();
  }
}

async function firstEntry(reader: Blocks, maxBytes: number): Promise<FoundFile> {
  let toldBytes: number | undefined;
  for (let prefaceBytes = 0; ; ) {
    const header = await reader.take(BLOCK_BYTES);
    const type = String.fromCharCode(header[156] ?? 0);
    const isPreface = ['x', 'g', 'L', 'K'].includes(type);
    const sizeBytes = (isPreface ? undefined : toldBytes) ?? sizeOf(header);
    if (type === '0' || type === '\0') {
      const bytes = await reader.take(Math.min(sizeBytes, maxBytes));
      return { kind: 'file', bytes, isCut: sizeBytes > maxBytes };
    }
    if (!isPreface) return { kind: 'other', what: KINDS[type] ?? 'no regular file' };
    const padded = Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
    prefaceBytes += padded + BLOCK_BYTES;
    if (prefaceBytes > MAX_PREFACE_BYTES) throw malformed();
    const preface = (await reader.take(padded)).toString('utf8', 0, sizeBytes);
    const told = type === 'x' ? /(?:^|\n)\d+ size=(\d+)\n/.exec(preface)?.[1] : undefined;
    if (told !== undefined) toldBytes = Number(told);
  }
}

function sizeOf(header: Buffer): number {
  const text = header.toString('latin1', 124, 136).replaceAll(/[\0 ]/g, '');
  const size = Number.parseInt(text === '' ? '0' : text, 8);
  if (Number.isNaN(size)) throw malformed();
  return size;
}

function malformed(): RuntimeError {
  return new RuntimeError('Failed', 'the engine answered with an archive that is none');
}

/** So many bytes at a time of what comes in chunks of any size. */
class Blocks {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterator<Buffer>) {
    this.#chunks = chunks;
  }

  async take(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = bytes; missing > 0; ) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) throw malformed();
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return Buffer.concat(parts);
  }

  /** What is not read is not sent. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
