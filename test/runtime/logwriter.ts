/** Writes log files as Docker's `local` driver does, as quickly or slowly as a test wants. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface WrittenEntry {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string | Buffer;
  /** Which part of a longer line it is, from 1. */
  readonly part?: number;
  readonly isLast?: boolean;
  readonly timeNanoseconds?: bigint;
}

/** 2026-01-01T00:00:00Z. */
export const BEGIN_NANOSECONDS = 1_767_225_600_000_000_000n;

export function entryOf({ stream, text, part, isLast, timeNanoseconds = 0n }: WrittenEntry): Buffer {
  const line = Buffer.from(text);
  const parts = [Buffer.from([0x0a, 6]), Buffer.from(stream), Buffer.from([0x10]), varint(timeNanoseconds)];
  if (line.length > 0) parts.push(Buffer.from([0x1a]), varint(BigInt(line.length)), line);
  if (part !== undefined) {
    const id = Buffer.from('0123456789abcdef');
    const meta = Buffer.concat([
      ...(isLast === true ? [Buffer.from([0x08, 1])] : []),
      Buffer.from([0x12, id.length]),
      id,
      Buffer.from([0x18]),
      varint(BigInt(part)),
    ]);
    parts.push(Buffer.from([0x20, 1, 0x2a, meta.length]), meta);
  }
  const message = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message, length]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

export class LogWriter {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-logfiles-'));
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  #bytes = 0;
  #files = 1;
  #count = 0n;

  constructor(maxBytes: number, maxFiles: number) {
    this.#maxBytes = maxBytes;
    this.#maxFiles = maxFiles;
    writeFileSync(this.#path(0), '');
  }

  /** One entry, a microsecond after the one before; rotates as the engine does: before it writes. */
  write(entry: WrittenEntry): void {
    const timeNanoseconds = entry.timeNanoseconds ?? BEGIN_NANOSECONDS + 1000n * this.#count++;
    const bytes = entryOf({ ...entry, timeNanoseconds });
    if (this.#bytes + bytes.length > this.#maxBytes) this.#rotate();
    appendFileSync(this.#path(0), bytes);
    this.#bytes += bytes.length;
  }

  /** Bytes that are no entry. */
  damage(bytes: Buffer): void {
    appendFileSync(this.#path(0), bytes);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #rotate(): void {
    this.#bytes = 0;
    if (this.#maxFiles === 1) {
      truncateSync(this.#path(0), 0);
      return;
    }
    for (let index = this.#files - 1; index >= 0; index--) {
      if (index + 1 < this.#maxFiles) renameSync(this.#path(index), this.#path(index + 1));
      else rmSync(this.#path(index));
    }
    this.#files = Math.min(this.#maxFiles, this.#files + 1);
    writeFileSync(this.#path(0), '');
  }

  #path(index: number): string {
    return join(this.directory, index === 0 ? 'container.log' : `container.log.${index}`);
  }
}
