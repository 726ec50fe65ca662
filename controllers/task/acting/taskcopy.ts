/** The newest state of a Task known here: the informer's copy, or this controller's own write that is not in it yet. */
import type { ObjectStore } from '../../../client/informer.ts';
import type { Task } from '../../../schemas/types.gen.ts';

interface Written {
  /** The copy's version before the write: once it has moved on, the copy is believed. */
  readonly over: string | undefined;
  readonly task: Task;
}

export class TaskCopy {
  readonly #store: ObjectStore<Task>;
  readonly #written = new Map<string, Written>();

  constructor(store: ObjectStore<Task>) {
    this.#store = store;
  }

  read(key: string): Task | undefined {
    const copy = this.#store.get(key);
    const written = this.#written.get(key);
    if (written === undefined) return copy;
    if (copy !== undefined && copy.metadata.resourceVersion === written.over) return written.task;
    this.#written.delete(key);
    return copy;
  }

  /** Runs a write and keeps what it answered until the copy has it too. */
  async keep(key: string, write: () => Promise<Task>): Promise<void> {
    const over = this.#store.get(key)?.metadata.resourceVersion;
    const task = await write();
    this.#written.set(key, { over, task });
  }

  forget(key: string): void {
    this.#written.delete(key);
  }
}
