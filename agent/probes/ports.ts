/** Which port a probe or a hook means: a number, or the name of one of the Task's ports. */
import type { Task } from '../../schemas/types.gen.ts';

export type FoundPort = { readonly port: number } | { readonly message: string };

export function portOf(task: Task, wanted: number | string): FoundPort {
  const named = (task.spec.ports ?? []).find(({ name }) => name !== undefined && name === wanted);
  // A name is looked up first, then read as a number, as in Kubernetes.
  const port = named?.containerPort ?? Number(wanted);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return { port };
  return {
    message: `port "${wanted}" is neither the name of one of the task's ports nor a number from 1 to 65535`,
  };
}
