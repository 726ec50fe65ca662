/**
 * The files of one container's log, oldest to newest, while the engine goes on writing and rotating them:
 * `container.log` is written, `container.log.1` was before it, and so on; the last one is removed.
 *
 * Promises: a file that is held can be read to its end whatever its name is by now, and with it the one that came next is
 * held, so that a reader misses nothing while at most one file goes by; when more went by, it is told so. Files are
 * shared among all readers of the log: however many they are, each is open once.
 */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  EntryView,
  entryBefore,
  entryBytes,
  LogFormatError,
  MAX_ENTRY_BYTES,
  nextEntry,
  wholeEntries,
} from './entry.ts';

const NAME = 'container.log';
const BLOCK_BYTES = 64 * 1024;
/** Lengths, source and time of an entry, and a little of its line. */
const HEAD_BYTES = 24;
/** A rotation is renames in a row; a look that falls among them is made again. */
const MAX_LOOKS = 20;

/** One file that is held open. */
export interface HeldFile {
  readonly handle: FileHandle;
  readonly inode: bigint;
  holders: number;
  /** The file after it, held with it; undefined while it is the newest or nobody has looked. */
  next: HeldFile | undefined;
  /** Of an engine that keeps one file only: it was emptied and begun anew, what was not read of it is gone. */
  isEmptied: boolean;
  /** It was the newest when it was last looked for. */
  wasNewest: boolean;
  /** Its first bytes, where it may be emptied. */
  head: Buffer | undefined;
}

export interface Block {
  readonly file: HeldFile;
  readonly offset: number;
  readonly end: number;
  /** Whole entries; empty for a part of the file that is none. */
  readonly bytes: Buffer;
}

/** Where a reader is: at the beginning of an entry, or the end of the file. */
export interface Place {
  readonly file: HeldFile;
  readonly offset: number;
}

export interface Next {
  /** Undefined: there is none any more. */
  readonly file: HeldFile | undefined;
  /** Others were in between, and are gone. */
  readonly isGap: boolean;
}

export class FileChain {
  readonly #directory: string;
  readonly #held = new Map<bigint, HeldFile>();

  readonly #isSingle: boolean;

  /** @param isSingle whether the engine keeps one file only, and empties it instead of rotating. */
  constructor(directory: string, isSingle: boolean) {
    this.#directory = directory;
    this.#isSingle = isSingle;
  }

  /** How many files are open. */
  get size(): number {
    return this.#held.size;
  }

  /** All files, oldest first, each held once more. Rejects with Node's file errors when there is none or it may not be read. */
  async holdAll(): Promise<readonly [HeldFile, ...HeldFile[]]> {
    const names = await this.#names();
    const files: HeldFile[] = [];
    for (const name of names) {
      const file = await this.#hold(name).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        this.release(...files);
        throw error;
      });
      // What was renamed while the names were gone through is met again under the next one.
      if (file !== undefined && files.includes(file)) this.release(file);
      else if (file !== undefined) files.push(file);
    }
    const [oldest, ...others] = files;
    if (oldest !== undefined) return [oldest, ...others];
    throw Object.assign(new Error(`no log in ${this.#directory}`), { code: 'ENOENT' });
  }

  /** The file after this one, held; undefined while this one is the newest. */
  async holdNext(file: HeldFile): Promise<Next | undefined> {
    if (file.isEmptied) return { file: await this.#hold(NAME), isGap: true };
    const next = await this.#lookNext(file).catch(ignoreMissing);
    if (next !== undefined) return next;
    // The container is removed, and its log with it.
    const isGone = (await inodeOf(this.#directory)) === undefined;
    return isGone && !file.wasNewest ? { file: undefined, isGap: true } : undefined;
  }

  async #lookNext(file: HeldFile): Promise<Next | undefined> {
    await this.#findNext(file);
    if (file.next !== undefined) {
      file.next.holders += 1;
      await this.#findNext(file.next).catch(ignoreMissing);
      return { file: file.next, isGap: false };
    }
    if ((await this.#indexOf(file)) !== undefined) return undefined;
    // Looked for once more: a rename in between may hide a file for a moment.
    await this.#findNext(file);
    if (file.next !== undefined || (await this.#indexOf(file)) !== undefined) return undefined;
    const [oldest, ...others] = await this.holdAll();
    this.release(...others);
    if (oldest === file) return undefined;
    return { file: oldest, isGap: true };
  }

  /** What comes there: whole entries, or a part that is damaged. Undefined at the end of what is written. */
  async read({ file, offset }: Place, bytes: number = BLOCK_BYTES): Promise<Block | undefined> {
    if (file.isEmptied) return undefined;
    const buffer = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await file.handle.read(buffer, 0, bytes, offset);
    if (bytesRead === 0) {
      if ((await file.handle.stat()).size < offset) file.isEmptied = true;
      return undefined;
    }
    if (this.#isSingle && !(await isSameHead(file))) {
      file.isEmptied = true;
      return undefined;
    }
    const filled = buffer.subarray(0, bytesRead);
    let whole: number;
    try {
      whole = wholeEntries(filled);
    } catch (error) {
      if (!(error instanceof LogFormatError)) throw error;
      return { file, offset, end: await this.#endOfDamage(file, offset), bytes: Buffer.alloc(0) };
    }
    if (whole > 0) return { file, offset, end: offset + whole, bytes: filled.subarray(0, whole) };
    const wanted = entryBytes(filled, 0);
    if (wanted === undefined || wanted <= bytesRead || bytes > MAX_ENTRY_BYTES) return undefined;
    // The rest of a long entry, or of one that is being written.
    return wanted <= bytes ? undefined : this.read({ file, offset }, wanted);
  }

  async #endOfDamage(file: HeldFile, offset: number): Promise<number> {
    const buffer = Buffer.allocUnsafe(MAX_ENTRY_BYTES);
    for (let from = offset + 1; ; ) {
      const { bytesRead } = await file.handle.read(buffer, 0, buffer.length, from);
      const found = nextEntry(buffer.subarray(0, bytesRead));
      if (found !== undefined) return from + found;
      if (bytesRead < buffer.length) return from + bytesRead;
      // An entry may lie across the two.
      from += bytesRead / 2;
    }
  }

  /** Where the last `count` lines begin that count, or the very beginning. Throws `LogFormatError`. */
  async startOfTail(
    files: readonly HeldFile[],
    count: number,
    counts: (entry: EntryView) => boolean,
  ): Promise<Place | undefined> {
    const entry = new EntryView();
    let left = count;
    let place: Place | undefined;
    // A last line without its newline counts.
    let isLast = true;
    for (const file of files.toReversed()) {
      let end = await this.#endOf(file);
      place ??= { file, offset: end };
      if (left === 0) return place;
      while (end > 0) {
        const block = await blockBefore(file, end);
        for (let at = block.length; at > 0; ) {
          const start = entryBefore(block, at);
          if (start === undefined) break;
          entry.read(block, start);
          const isCounted = counts(entry);
          if (isCounted && (entry.isEnd || isLast)) {
            if (left === 0) return place;
            left -= 1;
          }
          end -= at - start;
          at = start;
          if (!isCounted) continue;
          place = { file, offset: end };
          isLast = false;
        }
      }
    }
    const [oldest] = files;
    return left > 0 && oldest !== undefined ? { file: oldest, offset: 0 } : place;
  }

  /** The time of the file's last entry; undefined for an empty one. Throws `LogFormatError`. */
  async lastTime(file: HeldFile): Promise<bigint | undefined> {
    const { size } = await file.handle.stat();
    if (size === 0) return undefined;
    const block = await blockBefore(file, size);
    const start = entryBefore(block, block.length);
    if (start === undefined) return undefined;
    const entry = new EntryView();
    entry.read(block, start);
    return entry.timeNanoseconds;
  }

  release(...files: readonly HeldFile[]): void {
    for (const file of files) {
      file.holders -= 1;
      if (file.holders > 0) continue;
      if (this.#held.get(file.inode) === file) this.#held.delete(file.inode);
      // Nobody waits for it: the descriptor is only read from.
      void file.handle.close().catch(() => undefined);
      if (file.next !== undefined) this.release(file.next);
    }
  }

  /** The end of the last whole entry. */
  async #endOf(file: HeldFile): Promise<number> {
    const { size } = await file.handle.stat();
    if (size === 0) return 0;
    try {
      const block = await blockBefore(file, size);
      if (entryBefore(block, block.length) !== undefined) return size;
    } catch (error) {
      if (!(error instanceof LogFormatError)) throw error;
    }
    // An entry is being written right now: gone through from the beginning.
    let offset = 0;
    for (;;) {
      const block = await this.read({ file, offset });
      if (block === undefined) return offset;
      offset = block.end;
    }
  }

  async #findNext(file: HeldFile): Promise<void> {
    for (let look = 0; look < MAX_LOOKS && file.next === undefined; look++) {
      const index = await this.#indexOf(file);
      if (index === undefined || index === 0) return;
      const next = await this.#hold(nameOf(index - 1)).catch(ignoreMissing);
      if (next === undefined) continue;
      // The engine renames older files first: as long as this one kept its name, the other one was its successor.
      const isStill = (await inodeOf(join(this.#directory, nameOf(index)))) === file.inode;
      if (isStill && next !== file && file.next === undefined) file.next = next;
      else this.release(next);
    }
  }

  /** 0 is the newest. From there on: names only go up, so none slips through. */
  async #indexOf(file: HeldFile): Promise<number | undefined> {
    const last = (await this.#names().catch(() => [NAME])).length;
    for (let index = 0; index <= last; index++) {
      if ((await inodeOf(join(this.#directory, nameOf(index)))) !== file.inode) continue;
      file.wasNewest = index === 0;
      return index;
    }
    return undefined;
  }

  async #names(): Promise<string[]> {
    const found = await readdir(this.#directory);
    const indexes = found.flatMap((name) => {
      if (name === NAME) return [0];
      const index = /^container\.log\.(\d+)$/.exec(name)?.[1];
      if (index !== undefined) return [Number(index)];
      if (/^container\.log\.\d+\.gz$/.test(name))
        throw new LogFormatError(`the log file ${name} is compressed`);
      return [];
    });
    return indexes.sort((a, b) => b - a).map(nameOf);
  }

  async #hold(name: string): Promise<HeldFile> {
    const handle = await open(join(this.#directory, name), 'r');
    const { ino } = await handle.stat({ bigint: true });
    const known = this.#held.get(ino);
    if (known !== undefined && !known.isEmptied) {
      await handle.close();
      // Let go of while this one was closed: it is opened anew.
      if (known.holders === 0) return this.#hold(name);
      known.holders += 1;
      return known;
    }
    const file: HeldFile = {
      handle,
      inode: ino,
      holders: 1,
      next: undefined,
      isEmptied: false,
      wasNewest: name === NAME,
      head: undefined,
    };
    this.#held.set(ino, file);
    return file;
  }
}

/** The first entry tells one time from another: no two begin with the same nanosecond. */
async function isSameHead(file: HeldFile): Promise<boolean> {
  const head = Buffer.alloc(HEAD_BYTES);
  const { bytesRead } = await file.handle.read(head, 0, HEAD_BYTES, 0);
  file.head ??= head.subarray(0, bytesRead);
  return file.head.equals(head.subarray(0, file.head.length));
}

/** The bytes that end there: at least one whole entry. */
async function blockBefore(file: HeldFile, end: number): Promise<Buffer> {
  for (let size = BLOCK_BYTES; ; size *= 8) {
    const start = Math.max(0, end - size);
    const buffer = Buffer.allocUnsafe(end - start);
    const { bytesRead } = await file.handle.read(buffer, 0, buffer.length, start);
    if (bytesRead < buffer.length) throw new LogFormatError('the log file became shorter while it was read');
    if (entryBefore(buffer, buffer.length) !== undefined) return buffer;
    if (start === 0 || size > MAX_ENTRY_BYTES)
      throw new LogFormatError('the log file does not end with an entry');
  }
}

function nameOf(index: number): string {
  return index === 0 ? NAME : `${NAME}.${index}`;
}

async function inodeOf(path: string): Promise<bigint | undefined> {
  const found = await stat(path, { bigint: true }).catch(ignoreMissing);
  return found?.ino;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
