/** Tells when Tasks are seen as they are waited for, by one watch of the namespace. */
import type { Client } from '../../machinery/client.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';

type IsSeen = (task: Task) => boolean;

const BOUND_MS = 120_000;

/** Running, in a container that is not this one. */
export function isRunningAnew(oldId?: string): IsSeen {
  return ({ status }) =>
    status?.phase === 'Running' && status.container?.id !== undefined && status.container.id !== oldId;
}

export function isReady({ status }: Task): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

export class Sightings {
  readonly #waiting = new Map<string, { readonly isSeen: IsSeen; readonly seen: (atMs: number) => void }[]>();

  async follow(client: Client, signal: AbortSignal): Promise<void> {
    for await (const event of client.watch(tasks, { namespace: 'default', signal })) {
      if (event.type === 'BOOKMARK' || event.type === 'DELETED') continue;
      const { object } = event;
      const waiting = this.#waiting.get(object.metadata.name) ?? [];
      const left = waiting.filter(({ isSeen, seen }) => {
        const isNow = isSeen(object);
        if (isNow) seen(performance.now());
        return !isNow;
      });
      this.#waiting.set(object.metadata.name, left);
    }
  }

  /** Resolves to the moment (`performance.now()`) at which the Task was seen so. */
  next(name: string, isSeen: IsSeen): Promise<number> {
    return new Promise((resolve, reject) => {
      const bound = setTimeout(
        () => reject(new Error(`${name} was not seen as expected within ${BOUND_MS / 1000} s`)),
        BOUND_MS,
      );
      const seen = (atMs: number): void => {
        clearTimeout(bound);
        resolve(atMs);
      };
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), { isSeen, seen }]);
    });
  }
}
