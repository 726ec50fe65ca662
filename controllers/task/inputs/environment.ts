/**
 * A Task's environment: where its outputs go, `envFrom` over it, then `env` over both, with `$(NAME)` for what was defined before. Pure.
 *
 * Source of the rules: Kubernetes' kubelet, `makeEnvironmentVariables`, and `resource.ExtractContainerResourceValue`:
 * only `value` is expanded; of envFrom, keys that are no variable names are left out and told; a limit that is not
 * given is what the worker has, a request that is not given is the limit, and 0 without one.
 */
import { parseQuantity } from '../../../machinery/quantity.ts';
import type { InputKind } from '../../../schemas/taskreferences.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { OUTPUT_PATH, OUTPUT_VARIABLE } from '../planning/result.ts';
import { type InputObject, KIND_WORDS, textKeys, textOf } from './data.ts';
import { expand, MAX_STRING_BYTES } from './expansion.ts';
import { type Find, need, type Problems } from './found.ts';

type Variable = NonNullable<Task['spec']['env']>[number];
type ValueSource = NonNullable<Variable['valueFrom']>;
type ResourceName = 'cpu' | 'memory' | 'ephemeral-storage';

/** What the worker has to give, as quantities; a figure may be unknown. */
export type Allocatable = Readonly<Partial<Record<ResourceName, string>>>;

/** What of a Task's surroundings its environment may tell. */
export interface InputContext {
  readonly worker: string;
  readonly publishAddress: string;
  /** Undefined until the engine has answered once. */
  readonly allocatable: Allocatable | undefined;
}

/** Something that a user should know and that stands in nobody's way. */
export interface InputNote {
  readonly reason: 'InvalidEnvironmentVariableNames' | 'FailedToRetrieveImagePullSecret';
  readonly message: string;
}

/**
 * Arguments and environment of a process together are at most a quarter of its stack's limit, 2 MiB as systems come;
 * of it something is left for what the image and the engine add. Source: Linux, execve(2), "Limits on size of arguments
 * and environment".
 */
const MAX_TOGETHER_BYTES = 2 * 1024 * 1024 - 64 * 1024;
/** What each string costs besides its bytes: its end, and the pointer to it. */
const STRING_OVERHEAD_BYTES = 9;
const VARIABLE_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

/** `NAME=value`, each name once, where it was first defined. What stands in the way is added to `problems`. */
export function environmentOf(
  task: Task,
  context: InputContext,
  find: Find,
  problems: Problems,
): { readonly env: readonly string[]; readonly notes: readonly InputNote[] } {
  const values = new Map<string, string>();
  const notes: InputNote[] = [];
  const namespace = task.metadata.namespace ?? '';
  if (task.spec.outputs !== undefined) values.set(OUTPUT_VARIABLE, OUTPUT_PATH);
  for (const { prefix = '', configMapRef, secretRef } of task.spec.envFrom ?? []) {
    for (const [kind, reference] of [
      ['configmaps', configMapRef],
      ['secrets', secretRef],
    ] as const) {
      if (reference === undefined) continue;
      const { name, optional: isOptional = false } = reference;
      const object = need(find, problems, kind, { name, isOptional });
      if (object === undefined) continue;
      const skipped = addAll(values, problems, { kind, object, prefix, namespace });
      if (skipped.length > 0) notes.push(skippedNote(kind, `${namespace}/${name}`, skipped));
    }
  }
  let made = 0;
  let hasTooMuch = false;
  for (const { name, value = '', valueFrom } of task.spec.env ?? []) {
    const found =
      valueFrom === undefined || value !== ''
        ? expand(value, (variable) => values.get(variable))
        : valueOf(task, valueFrom, context, find, problems);
    if (found === undefined) continue;
    // Looked at as they are made: a later one may stand for many of this one.
    if (Buffer.byteLength(name) + Buffer.byteLength(found) + 2 > MAX_STRING_BYTES) {
      problems.add(
        `the environment variable ${name} has ${Buffer.byteLength(found)} bytes, with its name it can have ${MAX_STRING_BYTES - 2} at most: give it as a file of a volume`,
      );
      continue;
    }
    values.set(name, found);
    made += found.length;
    // Also what is made over again costs memory.
    hasTooMuch = made > 2 * MAX_TOGETHER_BYTES;
    if (hasTooMuch) break;
  }
  const env = [...values].map(([name, value]) => `${name}=${value}`);
  if (hasTooMuch || isTooMuch(env, task.spec, (variable) => values.get(variable), problems)) {
    problems.add(
      `the environment and the arguments have more than ${MAX_TOGETHER_BYTES} bytes together, which no process can be given: give what is large as files of a volume`,
    );
  }
  return { env, notes };
}

/** Whether environment, command and arguments are too much together; a word that is too long itself is told. */
function isTooMuch(
  env: readonly string[],
  { command = [], args = [] }: Task['spec'],
  valueOfName: (name: string) => string | undefined,
  problems: Problems,
): boolean {
  let together = env.reduce((sum, text) => sum + Buffer.byteLength(text) + STRING_OVERHEAD_BYTES, 0);
  for (const [index, word] of [...command, ...args].entries()) {
    if (together > MAX_TOGETHER_BYTES) return true;
    const bytes = Buffer.byteLength(expand(word, valueOfName));
    together += bytes + STRING_OVERHEAD_BYTES;
    if (bytes < MAX_STRING_BYTES) continue;
    const field = index < command.length ? `command[${index}]` : `args[${index - command.length}]`;
    problems.add(`${field} has ${bytes} bytes, it can have ${MAX_STRING_BYTES - 1} at most`);
  }
  return together > MAX_TOGETHER_BYTES;
}

/** All keys of one object. @returns those that are no variable names. */
function addAll(
  values: Map<string, string>,
  problems: Problems,
  source: {
    readonly kind: InputKind;
    readonly object: InputObject;
    readonly prefix: string;
    readonly namespace: string;
  },
): readonly string[] {
  const { kind, object, prefix, namespace } = source;
  const skipped: string[] = [];
  for (const key of textKeys(object)) {
    const name = prefix + key;
    if (!isVariableName(name)) {
      skipped.push(name);
      continue;
    }
    const found = textOf(kind, object, key);
    if (typeof found === 'string') {
      problems.add(binaryProblem(kind, key, `${namespace}/${object.metadata.name}`));
    } else if (Buffer.byteLength(name) + Buffer.byteLength(found.text) + 2 > MAX_STRING_BYTES) {
      problems.add(
        `key "${key}" in ${KIND_WORDS[kind]} ${namespace}/${object.metadata.name} is too long for an environment variable, which has ${MAX_STRING_BYTES - 2} bytes at most with its name: mount it as a volume`,
      );
    } else {
      values.set(name, found.text);
    }
  }
  return skipped;
}

/** Undefined: left out, because it is optional or because of what was added to `problems`. */
function valueOf(
  task: Task,
  source: ValueSource,
  context: InputContext,
  find: Find,
  problems: Problems,
): string | undefined {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = source;
  if (configMapKeyRef !== undefined) return keyValue(task, 'configmaps', configMapKeyRef, find, problems);
  if (secretKeyRef !== undefined) return keyValue(task, 'secrets', secretKeyRef, find, problems);
  if (fieldRef !== undefined) return fieldValue(task, fieldRef.fieldPath, context, problems);
  if (resourceFieldRef !== undefined) return resourceValue(task, resourceFieldRef, context, problems);
  return '';
}

function keyValue(
  task: Task,
  kind: InputKind,
  reference: NonNullable<ValueSource['configMapKeyRef']>,
  find: Find,
  problems: Problems,
): string | undefined {
  const { name, key, optional: isOptional = false } = reference;
  const object = need(find, problems, kind, { name, isOptional });
  if (object === undefined) return undefined;
  const where = `${task.metadata.namespace ?? ''}/${name}`;
  const found = textOf(kind, object, key);
  if (typeof found === 'object') return found.text;
  if (found === 'binary') problems.add(binaryProblem(kind, key, where));
  else if (!isOptional) problems.add(`couldn't find key "${key}" in ${KIND_WORDS[kind]} ${where}`);
  return undefined;
}

function fieldValue(
  task: Task,
  fieldPath: string,
  context: InputContext,
  problems: Problems,
): string | undefined {
  const { metadata } = task;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath);
  if (keyed !== null) {
    const entries = (keyed[1] === 'labels' ? metadata.labels : metadata.annotations) ?? {};
    const key = keyed[2] ?? '';
    const value = Object.hasOwn(entries, key) ? (entries[key] ?? '') : '';
    if (!value.includes('\0')) return value;
    problems.add(`${fieldPath} holds a NUL byte, which an environment variable cannot`);
    return undefined;
  }
  switch (fieldPath) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'spec.workerName':
    case 'spec.nodeName':
      return context.worker;
    case 'status.hostIP':
      return context.publishAddress;
    default:
      problems.add(`fieldRef "${fieldPath}" is not a field that a variable can be made of`);
      return undefined;
  }
}

function resourceValue(
  task: Task,
  { resource, divisor = '0' }: NonNullable<ValueSource['resourceFieldRef']>,
  { allocatable }: InputContext,
  problems: Problems,
): string | undefined {
  const dot = resource.indexOf('.');
  const name = asResourceName(resource.slice(dot + 1));
  const { limits, requests } = task.spec.resources ?? {};
  const limit = limits?.[name];
  let amount = resource.startsWith('limits.') ? limit : (requests?.[name] ?? limit ?? '0');
  if (amount === undefined) {
    if (allocatable === undefined) {
      problems.wait();
      return undefined;
    }
    amount = allocatable[name];
  }
  if (amount === undefined) {
    problems.add(`${resource} is not given, and the worker does not say how much ${name} it has`);
    return undefined;
  }
  const nano = parseQuantity(amount);
  const unit = parseQuantity(divisor);
  if (nano === undefined || unit === undefined || unit < 0n) {
    problems.add(
      `resourceFieldRef ${resource}: found the amount "${amount}" and the divisor "${divisor}", wanted quantities`,
    );
    return undefined;
  }
  const by = unit === 0n ? NANO : unit;
  return String((nano + by - 1n) / by);
}

/** A quantity of 1, in the unit that quantities are counted in. */
const NANO = 1_000_000_000n;

function asResourceName(text: string): ResourceName {
  return text === 'cpu' || text === 'memory' ? text : 'ephemeral-storage';
}

/** Source: Kubernetes' `IsEnvVarName`, the rule that was never relaxed. */
function isVariableName(name: string): boolean {
  return VARIABLE_NAME.test(name) && name !== '.' && !name.startsWith('..');
}

function binaryProblem(kind: InputKind, key: string, where: string): string {
  const why = kind === 'configmaps' ? 'is binary' : 'is not text (UTF-8 without NUL bytes)';
  return `key "${key}" in ${KIND_WORDS[kind]} ${where} ${why} and cannot be an environment variable: mount it as a volume`;
}

/** So many names are told at once. */
const MAX_NAMES = 20;

function skippedNote(kind: InputKind, where: string, skipped: readonly string[]): InputNote {
  const word = kind === 'configmaps' ? 'configMap' : 'secret';
  const names = skipped.slice(0, MAX_NAMES).join(', ');
  const more = skipped.length > MAX_NAMES ? ` and ${skipped.length - MAX_NAMES} more` : '';
  return {
    reason: 'InvalidEnvironmentVariableNames',
    message: `Keys [${names}]${more} from the EnvFrom ${word} ${where} were skipped since they are considered invalid environment variable names.`,
  };
}
