/**
 * Which images of the engine this worker brought there, and when they were last of use: kept in a small file, because
 * nothing on the engine says it. What is not in it is not the worker's to remove; a file that is lost or damaged costs
 * disk, never somebody's image.
 */
import { readFile } from 'node:fs/promises';
import type { PulledImage } from '../../controllers/task/acting/pulls.ts';
import { fileProblem, writeDurably } from '../../machinery/durablefile.ts';
import { messageOf } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import type { Log } from '../../machinery/log.ts';
import type { PulledRecord } from './plan.ts';

/** A use that is younger than what is written is written only after so long: it decides nothing before. */
const USE_STEP_MS = 10 * 60_000;
const MAX_RECORDS = 10_000;

export class ImageRecord {
  /** Undefined: nothing is kept beyond this process. */
  readonly #path: string | undefined;
  readonly #log: Log;
  readonly #records = new Map<string, PulledRecord>();
  #isChanged = false;
  #loading: Promise<void> | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(path: string | undefined, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  get all(): readonly PulledRecord[] {
    return [...this.#records.values()];
  }

  /** Once; before that, and without a file, there is nothing but what came since. Never rejects. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  pulled({ reference, info, isNew }: PulledImage, nowMs: number): void {
    const before = this.#records.get(info.id);
    if (before === undefined) {
      if (!isNew || this.#records.size >= MAX_RECORDS) return;
      this.#set({ id: info.id, references: [reference], pulledAtMs: nowMs, lastUsedMs: nowMs });
    } else if (!before.references.includes(reference)) {
      this.#set({ ...before, references: [...before.references, reference] });
    }
  }

  used(ids: ReadonlySet<string>, nowMs: number): void {
    for (const record of this.all) {
      if (ids.has(record.id) && nowMs - record.lastUsedMs >= USE_STEP_MS) {
        this.#set({ ...record, lastUsedMs: nowMs });
      }
    }
  }

  /** They are not there any more: whoever pulls them again may be somebody else. */
  forget(records: readonly PulledRecord[]): void {
    for (const { id } of records) this.#isChanged = this.#records.delete(id) || this.#isChanged;
  }

  /** One after the other. Rejects with Node's file errors; what was not written is with the next call. */
  save(): Promise<void> {
    const written = this.#saving.then(() => this.#write());
    this.#saving = written.catch(() => undefined);
    return written;
  }

  async #write(): Promise<void> {
    // Otherwise what is in the file would be lost.
    await this.load();
    if (this.#path === undefined || !this.#isChanged) return;
    this.#isChanged = false;
    try {
      const text = `${JSON.stringify({ version: 1, images: this.all })}\n`;
      await writeDurably(this.#path, text, { mode: 0o600 });
    } catch (error) {
      this.#isChanged = true;
      throw error;
    }
  }

  #set(record: PulledRecord): void {
    this.#records.set(record.id, record);
    this.#isChanged = true;
  }

  async #load(): Promise<void> {
    if (this.#path === undefined) return;
    try {
      for (const record of parse(await readFile(this.#path, 'utf8'))) {
        // What was pulled while the file was being read is newer.
        if (!this.#records.has(record.id)) this.#records.set(record.id, record);
      }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
      const why = error instanceof Error && 'code' in error ? fileProblem(error) : messageOf(error);
      this.#log.warn(
        { file: this.#path },
        `cannot read which images this worker pulled (${why}): those from before now are never removed`,
      );
    }
  }
}

function parse(text: string): PulledRecord[] {
  const value: unknown = JSON.parse(text);
  const images = isRecord(value) && value['version'] === 1 ? value['images'] : undefined;
  if (!Array.isArray(images)) throw new Error('it is not a record of images');
  return images.slice(0, MAX_RECORDS).map((image: unknown) => {
    const { id, references, pulledAtMs, lastUsedMs } = isRecord(image) ? image : {};
    if (
      typeof id !== 'string' ||
      !Array.isArray(references) ||
      typeof pulledAtMs !== 'number' ||
      typeof lastUsedMs !== 'number'
    ) {
      throw new Error('one of its images is incomplete');
    }
    return { id, references: references.filter((name) => typeof name === 'string'), pulledAtMs, lastUsedMs };
  });
}
