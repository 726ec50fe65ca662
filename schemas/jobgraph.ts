/**
 * The graph that a Job's steps are: what each comes after, and whether it is one at all. Pure.
 *
 * A name that is no step is passed over by everything but `graphProblem`, which tells of it.
 */
export interface Step {
  readonly name: string;
  readonly dependsOn?: readonly string[];
}

export interface GraphProblem {
  readonly kind: 'self' | 'missing' | 'cycle';
  /** The step's place in the list, and the place in its dependsOn. */
  readonly step: number;
  readonly dependency: number;
  readonly message: string;
}

/** A message names at most so many steps. */
const MAX_NAMES = 20;

/** The first thing that keeps the steps from being a graph without circles; undefined: they are one. */
export function graphProblem(steps: readonly Step[]): GraphProblem | undefined {
  const names = steps.map(({ name }) => name);
  const known = new Set(names);
  for (const [step, { name, dependsOn = [] }] of steps.entries()) {
    for (const [dependency, upstream] of dependsOn.entries()) {
      if (upstream === name) {
        return { kind: 'self', step, dependency, message: `step "${name}" cannot depend on itself` };
      }
      if (known.has(upstream)) continue;
      const others = listed(names.filter((other) => other !== name));
      const message = `step "${name}" depends on "${upstream}", which is no step of the job; its other steps are ${others}`;
      return { kind: 'missing', step, dependency, message };
    }
  }
  return circleIn(steps);
}

/** By step: every step that it comes after, directly or not. A circle's steps come after themselves. */
export function upstreamsOf(steps: readonly Step[]): ReadonlyMap<string, ReadonlySet<string>> {
  const direct = new Map(steps.map(({ name, dependsOn = [] }) => [name, dependsOn]));
  return new Map(
    steps.map(({ name }) => {
      const found = new Set<string>();
      const waiting = [...(direct.get(name) ?? [])];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const further = direct.get(next);
        if (further === undefined || found.has(next)) continue;
        found.add(next);
        waiting.push(...further);
      }
      return [name, found];
    }),
  );
}

/** The step itself and every one that comes after it, directly or not. */
export function fromStep(steps: readonly Step[], name: string): ReadonlySet<string> {
  const upstreams = upstreamsOf(steps);
  return new Set(
    steps.flatMap((step) =>
      step.name === name || upstreams.get(step.name)?.has(name) === true ? [step.name] : [],
    ),
  );
}

/** The shortest one through the first step that is on any. */
function circleIn(steps: readonly Step[]): GraphProblem | undefined {
  const upstreams = upstreamsOf(steps);
  const places = new Map(steps.map(({ name }, place) => [name, place]));
  for (const [step, { name, dependsOn = [] }] of steps.entries()) {
    if (upstreams.get(name)?.has(name) !== true) continue;
    const way = wayBack(steps, places, name);
    const path = way.length <= MAX_NAMES ? way : [...way.slice(0, MAX_NAMES - 2), '…', ...way.slice(-1)];
    const message = `steps depend on each other in a circle: ${path.join(' -> ')}; take one of these dependencies away`;
    return { kind: 'cycle', step, dependency: dependsOn.indexOf(way[1] ?? ''), message };
  }
  return undefined;
}

/** From a step along dependsOn back to itself: `a -> b -> a` where a depends on b, and b on a. */
function wayBack(
  steps: readonly Step[],
  places: ReadonlyMap<string, number>,
  start: string,
): readonly string[] {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let current = queue.shift(); current !== undefined; current = queue.shift()) {
    for (const next of steps[places.get(current) ?? -1]?.dependsOn ?? []) {
      if (next === start) {
        const way = [current, start];
        for (let at = current; at !== start; ) {
          at = cameFrom.get(at) ?? start;
          way.unshift(at);
        }
        return way;
      }
      if (!places.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, current);
      queue.push(next);
    }
  }
  return [start];
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const shown = names.slice(0, MAX_NAMES).join(', ');
  return names.length <= MAX_NAMES ? shown : `${shown} and ${names.length - MAX_NAMES} more`;
}
