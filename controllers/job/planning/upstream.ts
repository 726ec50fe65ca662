/** The Runs that dependencies make: what they are called, and whether Jobs wait for each other in a circle. Pure. */
import { jsonHash } from '../../../machinery/json.ts';
import { childName } from '../../../machinery/names.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import type { JobWorld } from '../types.ts';

/** Of its key, in characters. */
export const KEY_LENGTH = 10;

/** Which runs made all of it true: other runs, another key. */
export function dependencyKey(runs: readonly Run[]): string {
  return jsonHash(runs.map(({ metadata }) => metadata.uid ?? metadata.name)).slice(0, KEY_LENGTH);
}

export function dependencyRunName(job: Job, key: string): string {
  return childName([job.metadata.name, key]);
}

/** Of several hundred Jobs that depend on each other, the rest is not looked at. */
const MAX_VISITED = 1_000;

/** From the Job back to itself along `dependsOn`, the shortest way; undefined when no way leads back. */
export function circleOf(job: Job, findJob: JobWorld['findJob']): readonly string[] | undefined {
  const start = job.metadata.name;
  const cameFrom = new Map<string, string>();
  const queue = [job];
  for (let current = queue.shift(); current !== undefined; current = queue.shift()) {
    const from = current.metadata.name;
    for (const { job: name } of current.spec.dependsOn ?? []) {
      if (name === start) return [...wayTo(from, start, cameFrom), start];
      const next = findJob(name);
      if (next === undefined || cameFrom.has(name) || cameFrom.size >= MAX_VISITED) continue;
      cameFrom.set(name, from);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const way = [end];
  for (let at = end; at !== start; ) {
    at = cameFrom.get(at) ?? start;
    way.unshift(at);
  }
  return way;
}
