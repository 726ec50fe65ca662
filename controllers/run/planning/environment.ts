/**
 * What a step is told of its Run in variables, and how much of it: parameters, configuration, and what the steps before
 * it said share one bound fairly, so that a Task stays well under what an object may be.
 *
 * A Task reads `$(NAME)` and `$$` in these values as in any others; so every dollar sign of them is doubled.
 */
import { textOf } from '../../../schemas/substitution.ts';
import type { Variable } from '../types.ts';

/** What a step that has ended said. */
export interface StepWords {
  readonly step: string;
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface StepSurroundings {
  readonly run: string;
  readonly job?: string;
  readonly step: string;
  readonly attempt: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, string>>;
  /** Of every step that it comes after, in the order of the job. */
  readonly before: readonly StepWords[];
}

interface Wanted {
  readonly name: string;
  readonly value: string;
  /** Where there is too little room: the end of it is given, rather than nothing. */
  readonly isTail?: boolean;
}

/** Of all values that are shared, as they are stored. */
const SHARED_BYTES = 384 * 1024;
/** The schema's bound of a value, in characters. */
const MAX_VALUE = 131_072;
/** The schema's bound of a Task's variables. */
const MAX_VARIABLES = 1_024;
const MAX_TOLD = 4_096;

/** @param taken names of variables that the step defines itself: these are not given. */
export function environmentOf(around: StepSurroundings, taken: ReadonlySet<string>): readonly Variable[] {
  const { run, job, step, attempt, parameters, config, before } = around;
  const fixed: Wanted[] = [
    { name: 'GANTRY_RUN', value: run },
    ...(job === undefined ? [] : [{ name: 'GANTRY_JOB', value: job }]),
    { name: 'GANTRY_STEP', value: step },
    { name: 'GANTRY_ATTEMPT', value: String(attempt) },
  ];
  const shared: Wanted[] = [
    ...before.flatMap(({ step: name, exitCode }) =>
      exitCode === undefined ? [] : [{ name: variable('TASKS', name, 'EXIT_CODE'), value: String(exitCode) }],
    ),
    ...Object.entries(parameters).map(([name, value]) => ({
      name: variable('PARAMETER', name),
      value: textOf(value),
    })),
    ...Object.entries(config).map(([key, value]) => ({ name: variable('CONFIG', key), value })),
    ...before.flatMap(({ step: name, outputs }) =>
      Object.entries(outputs).map(([key, value]) => ({
        name: variable('TASKS', name, 'OUTPUTS', key),
        value,
      })),
    ),
    ...before.flatMap(({ step: name, stdout }) =>
      stdout === undefined ? [] : [{ name: variable('TASKS', name, 'STDOUT'), value: stdout, isTail: true }],
    ),
  ];
  const names = new Set(taken);
  const isNew = ({ name }: Wanted): boolean => !names.has(name) && names.add(name) !== undefined;
  const kept = [...fixed, ...shared].filter(isNew);
  // One is for what is told of the others.
  const room = Math.max(0, MAX_VARIABLES - taken.size - 1);
  const given = kept.slice(0, room);
  const levelBytes = fairLevel(given.map(sizeOf), SHARED_BYTES);
  const cut: string[] = kept.slice(room).map(({ name }) => name);
  const env = given.flatMap((wanted): Variable[] => {
    const value = fitting(wanted, levelBytes);
    if (value !== stored(wanted.value)) cut.push(wanted.name);
    return value === undefined ? [] : [{ name: wanted.name, value }];
  });
  if (cut.length === 0 || taken.has('GANTRY_TRUNCATED')) return env;
  return [...env, { name: 'GANTRY_TRUNCATED', value: cut.join(',').slice(0, MAX_TOLD) }];
}

/** `GANTRY_TASKS_BUILD_OUTPUTS_IMAGE_TAG`. */
function variable(...parts: readonly string[]): string {
  return ['GANTRY', ...parts].map((part) => part.toUpperCase().replace(/[^A-Z0-9]/g, '_')).join('_');
}

/** As it stands in the Task. No variable can hold a NUL byte. */
export function stored(value: string): string {
  return withoutNul(value).replaceAll('$', '$$$$');
}

export function withoutNul(value: string): string {
  return value.replaceAll('\0', '\uFFFD');
}

function sizeOf({ value }: Wanted): number {
  return jsonBytes(stored(value));
}

/** Undefined: there is no room for it. */
function fitting({ value, isTail = false }: Wanted, levelBytes: number): string | undefined {
  const isFitting = (text: string): boolean => text.length <= MAX_VALUE && jsonBytes(text) <= levelBytes;
  if (isFitting(stored(value))) return stored(value);
  if (!isTail) return undefined;
  // The longest end that fits: what it weighs only grows with its length.
  let [fits, exceeds] = [0, value.length];
  while (exceeds - fits > 1) {
    const middle = Math.floor((fits + exceeds) / 2);
    if (isFitting(stored(value.slice(value.length - middle).toWellFormed()))) fits = middle;
    else exceeds = middle;
  }
  return stored(value.slice(value.length - fits).toWellFormed());
}

/** The most that each may have so that all together have no more than `total`: small ones leave theirs to the large. */
function fairLevel(sizes: readonly number[], total: number): number {
  let left = total;
  for (const [index, size] of sizes.toSorted((a, b) => a - b).entries()) {
    const share = left / (sizes.length - index);
    if (size > share) return share;
    left -= size;
  }
  return Number.POSITIVE_INFINITY;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
