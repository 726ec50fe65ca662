/**
 * The newest end of one container's log, read once for all who follow it. What was read is kept for a moment, for those
 * who are nearly there; who is further behind reads the files himself and meets this one later, at the same byte.
 *
 * Promises: memory is bounded whoever reads how slowly; followers are woken when there is more, when the container has
 * ended and everything it wrote was read, and when the engine went away.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type Clock, sleep } from '../../../machinery/clock.ts';
import type { LogChunk } from '../../../machinery/runtime.ts';
import type { Block, FileChain, Place } from './chain.ts';
import { type Rendering, renderEntries } from './entry.ts';

/** Of one container, for all followers together. */
const KEPT_BYTES = 1024 * 1024;
/** Two looks at the files are at least so far apart: a container that writes all the time is read in larger pieces. */
const PAUSE_MS = 10;
/** A look without being told of a change: a watch may have missed it, or there is none. */
const LOOK_MS = 500;

/** How a container ends, as the engine tells it. */
export interface EndWatch {
  /**
   * Resolves when the container has ended, or is gone; never rejects while the signal is not aborted. `onLost` is
   * called whenever the connection to the engine was lost while it ran.
   */
  until(signal: AbortSignal, onLost: () => void): Promise<void>;
}

export interface TailDeps {
  readonly chain: FileChain;
  readonly directory: string;
  readonly clock: Clock;
  readonly end: EndWatch;
}

export class SharedBlock {
  readonly block: Block;
  readonly #rendered = new Map<string, readonly LogChunk[]>();

  constructor(block: Block) {
    this.block = block;
  }

  /** The same for all who want the same. */
  render(rendering: Rendering): readonly LogChunk[] {
    if (rendering.sinceNanoseconds !== undefined) return renderEntries(this.block.bytes, rendering);
    const variant = `${rendering.timestamps} ${rendering.stream ?? ''}`;
    const known = this.#rendered.get(variant);
    if (known !== undefined) return known;
    const made = renderEntries(this.block.bytes, rendering);
    this.#rendered.set(variant, made);
    return made;
  }
}

export class LogTail {
  readonly #deps: TailDeps;
  readonly #stopped = new AbortController();
  #blocks: SharedBlock[] = [];
  #bytes = 0;
  /** Where the next block begins. Held. */
  #edge: Place;
  readonly #waiters = new Set<() => void>();
  #watcher: FSWatcher | undefined;
  #hasChanged: () => void = () => undefined;
  #isEndSeen = false;
  #isComplete = false;
  #failure: unknown;
  #losses = 0;
  #version = 0;
  readonly #loop: Promise<void>;

  /** @param edge the caller's hold on the file passes over. */
  constructor(deps: TailDeps, edge: Place) {
    this.#deps = deps;
    this.#edge = edge;
    this.#loop = this.#run();
  }

  /** Times that the engine went away so far. */
  get losses(): number {
    return this.#losses;
  }

  /** The block that begins or goes on there, if it is still kept. */
  find({ file, offset }: Place): SharedBlock | undefined {
    for (let index = this.#blocks.length - 1; index >= 0; index--) {
      const shared = this.#blocks[index];
      if (shared === undefined || shared.block.file !== file || offset >= shared.block.end) continue;
      const { block } = shared;
      if (offset === block.offset) return shared;
      if (offset > block.offset) {
        return new SharedBlock({ ...block, offset, bytes: block.bytes.subarray(offset - block.offset) });
      }
    }
    return undefined;
  }

  /** Whether who is there has read all that was read here, so that waiting is right. */
  isEdge({ file, offset }: Place): boolean {
    return file === this.#edge.file && offset >= this.#edge.offset;
  }

  /** All that the container wrote was read here. Throws what kept it from being read. */
  get isComplete(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#isComplete;
  }

  /** Counts what followers were woken for. */
  get version(): number {
    return this.#version;
  }

  /** Resolves at the next change after that version, or when the signal aborts. */
  changed(version: number, signal: AbortSignal): Promise<void> {
    const isOver = this.#isComplete || this.#failure !== undefined;
    if (signal.aborted || isOver || version !== this.#version) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#hasChanged();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { chain, clock, directory } = this.#deps;
    const { signal } = this.#stopped;
    try {
      this.#watcher = watch(directory, { persistent: false }, () => this.#hasChanged());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // Without a watch (none left, or no such thing on this file system) the looks are regular.
    }
    void this.#watchEnd();
    let lossesTold = 0;
    try {
      while (!signal.aborted) {
        const changed = new Promise<void>((resolve) => {
          this.#hasChanged = resolve;
        });
        const wasEndSeen = this.#isEndSeen;
        const losses = this.#losses;
        const hasMore = await this.#advance();
        if (wasEndSeen) {
          this.#isComplete = true;
          break;
        }
        if (hasMore || losses !== lossesTold) this.#wake();
        lossesTold = losses;
        if (this.#isEndSeen) continue;
        await sleep(clock, PAUSE_MS, signal);
        const timer = clock.after(LOOK_MS, this.#hasChanged);
        await changed;
        timer.cancel();
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#watcher?.close();
      chain.release(this.#edge.file);
      this.#stopped.abort();
      this.#wake();
    }
  }

  async #watchEnd(): Promise<void> {
    await this.#deps.end.until(this.#stopped.signal, () => {
      this.#losses += 1;
      this.#hasChanged();
    });
    this.#isEndSeen = true;
    this.#hasChanged();
  }

  /** Reads to the end of what is written. */
  async #advance(): Promise<boolean> {
    const { chain } = this.#deps;
    let hasMore = false;
    while (!this.#stopped.signal.aborted) {
      const block = await chain.read(this.#edge);
      if (block !== undefined) {
        this.#keep(block);
        hasMore = true;
        continue;
      }
      const next = await chain.holdNext(this.#edge.file);
      if (next === undefined) break;
      // Written between the look and the rotation.
      const rest = await chain.read(this.#edge);
      if (rest !== undefined) {
        if (next.file !== undefined) chain.release(next.file);
        this.#keep(rest);
        hasMore = true;
        continue;
      }
      if (next.file === undefined) break;
      chain.release(this.#edge.file);
      this.#edge = { file: next.file, offset: 0 };
      hasMore = true;
    }
    return hasMore;
  }

  #keep(block: Block): void {
    this.#blocks.push(new SharedBlock(block));
    this.#bytes += block.bytes.length;
    this.#edge = { file: block.file, offset: block.end };
    while (this.#bytes > KEPT_BYTES && this.#blocks.length > 1) {
      this.#bytes -= this.#blocks.shift()?.block.bytes.length ?? 0;
    }
    // Those who are close take it now, before it is dropped.
    this.#wake();
  }

  #wake(): void {
    this.#version += 1;
    for (const wake of this.#waiters) wake();
  }
}
