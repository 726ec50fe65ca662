/**
 * The least that makes a write durable for many writers at once: bytes appended to a file, one fdatasync for all that
 * came meanwhile, then the writers are answered. No keys, no history, no comparing: the ceiling that engines are held to.
 */
import { type FileHandle, open } from 'node:fs/promises';

interface Pending {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class AppendLog {
  readonly #file: FileHandle;
  #queue: Pending[] = [];
  #isRunning = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<AppendLog> {
    return new AppendLog(await open(path, 'a'));
  }

  /** Resolves when the bytes are on the disk. */
  append(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ bytes, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        await this.#file.writev(batch.map(({ bytes }) => bytes));
        await this.#file.datasync();
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isRunning = false;
  }
}
