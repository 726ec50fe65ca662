/** `gantry wait`: until a condition, a field or the absence of an object is as wanted. */
import { type Condition, findCondition } from '../../machinery/conditions.ts';
import { parseDurationMs } from '../../machinery/duration.ts';
import { isRecord } from '../../machinery/json.ts';
import { type DynamicObject, keyOf } from '../../machinery/meta.ts';
import { CommandError, type Io } from '../io.ts';
import { compilePath, printed } from '../jsonpath.ts';
import { objectName } from '../printers.ts';
import { chooseFrom, keyIn } from '../selection.ts';
import type { Session } from '../session.ts';
import { type Subject, waitUntil } from '../waiting.ts';
import { objectsOf } from './get.ts';

export interface WaitFlags {
  readonly for: string;
  /** A Go duration; 0 looks once, negative waits a week (as kubectl does). */
  readonly timeout?: string;
  readonly selector?: string;
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
}

interface Goal {
  /** For the message when the time is up. */
  readonly text: string;
  readonly isMet: (object: DynamicObject | undefined) => boolean;
  /** Said when it is met. */
  readonly done: string;
  /** Whether an object that does not exist (yet) can be waited for. */
  readonly isFineWithout: boolean;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const WEEK_MS = 7 * 86_400_000;

/** Rejects with `ApiError` or `CommandError`; the latter also when the time is up. */
export async function runWait(
  words: readonly string[],
  flags: WaitFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const goal = parseGoal(flags.for);
  const timeoutMs = parseTimeout(flags.timeout);
  const subjects = await subjectsOf(words, flags, session, io);
  if (subjects.length === 0 && !goal.isFineWithout) throw new CommandError('no matching resources found');
  const deadlineMs = io.clock.monotonicMs() + timeoutMs;
  const problems: string[] = [];
  for (const subject of subjects) {
    const { kind, key } = subject;
    // Without it there is nothing to wait for: say so at once rather than when the time is up.
    if (!goal.isFineWithout) await session.client.get(kind, key, { signal: io.signal });
    const leftMs = Math.max(0, deadlineMs - io.clock.monotonicMs());
    const showing = { goal: `${goal.text} of ${objectName(kind, key.name)}` };
    if (await waitUntil(subject, goal.isMet, leftMs, session, io, showing)) {
      await io.stdout.write(`${objectName(kind, key.name)} ${goal.done}\n`);
    } else if (!io.signal.aborted) {
      problems.push(
        `timed out after ${timeoutMs / 1000} s waiting for ${goal.text} on ${kind.plural}/${key.name}`,
      );
    }
  }
  if (problems.length > 0) throw new CommandError(problems);
}

async function subjectsOf(
  words: readonly string[],
  flags: WaitFlags,
  session: Session,
  io: Io,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const choice of chooseFrom(await session.kinds(), words)) {
    const { kind, names } = choice;
    if (names.length > 0) {
      subjects.push(...names.map((name) => ({ kind, key: keyIn(kind, session.namespace, name) })));
    } else if (flags.all === true || flags.selector !== undefined) {
      const objects = await objectsOf(choice, flags, session, io);
      subjects.push(...objects.map((object) => ({ kind, key: keyOf(object) })));
    } else {
      throw new CommandError('name an object (task/hello), or choose with -l or --all');
    }
  }
  return subjects;
}

export function parseGoal(text: string): Goal {
  if (text === 'delete') {
    return {
      text: 'its deletion',
      isMet: (object) => object === undefined,
      done: 'condition met',
      isFineWithout: true,
    };
  }
  if (text === 'create') {
    return {
      text: 'its creation',
      isMet: (object) => object !== undefined,
      done: 'condition met',
      isFineWithout: true,
    };
  }
  const condition = /^condition=([^=]+)(?:=(.+))?$/.exec(text);
  if (condition !== null) {
    const [, type = '', status = 'True'] = condition;
    return {
      text: `condition ${type}=${status}`,
      isMet: (object) => object !== undefined && hasCondition(object, type, status),
      done: 'condition met',
      isFineWithout: false,
    };
  }
  const path = /^jsonpath=(\{.*?\}|[^={}]+)(?:=(.*))?$/s.exec(text);
  if (path !== null) {
    const [, expression = '', value] = path;
    const read = compilePath(expression);
    const wanted = value === undefined ? undefined : (/^(["'])(.*)\1$/s.exec(value)?.[2] ?? value);
    return {
      text,
      isMet: (object) => {
        const found = object === undefined ? [] : read(object).map(printed);
        return wanted === undefined
          ? found.some((one) => one !== '')
          : found.length > 0 && found.every((one) => one === wanted);
      },
      done: 'condition met',
      isFineWithout: false,
    };
  }
  throw new CommandError(
    `--for: found "${text}", wanted condition=NAME[=STATUS], jsonpath={PATH}[=VALUE], create or delete`,
  );
}

/** A condition judged from an older generation says nothing about what is asked for now. */
function hasCondition(object: DynamicObject, type: string, status: string): boolean {
  const { generation } = object.metadata;
  const observed = isRecord(object.status) ? object.status.observedGeneration : undefined;
  if (isStale(observed, generation)) return false;
  const conditions =
    isRecord(object.status) && Array.isArray(object.status.conditions) ? object.status.conditions : [];
  const found = findCondition(conditions.filter(isCondition), type);
  return (
    found !== undefined &&
    found.status.toLowerCase() === status.toLowerCase() &&
    !isStale(found.observedGeneration, generation)
  );
}

function isCondition(value: unknown): value is Condition {
  return isRecord(value) && typeof value.type === 'string' && typeof value.status === 'string';
}

function isStale(observed: unknown, generation: number | undefined): boolean {
  return typeof observed === 'number' && generation !== undefined && observed < generation;
}

function parseTimeout(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  if (text === '0') return 0;
  if (text.startsWith('-')) return WEEK_MS;
  const found = parseDurationMs(text);
  if (found === undefined)
    throw new CommandError(`--timeout: found "${text}", wanted a duration such as 30s or 5m`);
  return found;
}
