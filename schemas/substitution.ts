/**
 * `$(parameters.NAME)`, `$(config.KEY)`, `$(run.name)`, `$(run.scheduledTime)`, `$(tasks.STEP.exitCode)`,
 * `$(tasks.STEP.stdout)` and `$(tasks.STEP.outputs.KEY)` in the texts of a template. Pure.
 *
 * Dollar signs are read as a Task itself reads them (Kubernetes' `$(NAME)` and `$$`): `$$(parameters.x)` is left as it is,
 * and the Task makes `$(parameters.x)` of it. `$(NAME)` of anything else is the Task's, or its shell's, and is left too.
 * What is put into a text that a Task reads again is escaped, so that data is never taken for a reference; and all that is
 * put into one Task has a bound, since a short text may refer to a long one thousands of times.
 */
import { ApiError } from '../machinery/errors.ts';

export type Reference =
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'config'; readonly key: string }
  | { readonly kind: 'run'; readonly field: 'name' | 'scheduledTime' }
  | { readonly kind: 'task'; readonly step: string; readonly field: 'exitCode' | 'stdout' }
  | { readonly kind: 'task'; readonly step: string; readonly field: 'outputs'; readonly key: string };

/** Begins like a reference and is none. */
export interface MalformedReference {
  readonly kind: 'malformed';
  /** As it stands in the text. */
  readonly text: string;
  /** What is wrong with it, and what to write. */
  readonly problem: string;
}

/** What a reference stands for; undefined where there is no such thing: it becomes an empty text. */
export type Lookup = (reference: Reference) => unknown;

export interface SubstituteOptions {
  /** True for texts that the Task reads again: every dollar sign of a value is doubled. */
  readonly escape: boolean;
  /** For all texts together. */
  readonly room: Room;
}

/** Characters that may yet be put in. */
export class Room {
  readonly #whole: number;
  #left: number;

  constructor(characters: number) {
    this.#whole = characters;
    this.#left = characters;
  }

  /** Throws `RequestEntityTooLarge`. */
  take(characters: number): void {
    this.#left -= characters;
    if (this.#left >= 0) return;
    const message = `its references stand for more than ${this.#whole} characters, more than an object can hold; refer to less, or hand it over in a volume`;
    throw new ApiError('RequestEntityTooLarge', message);
  }
}

const TOKEN = /\$(?:\$|\((parameters|config|run|tasks)\.([^()]*)(\)?))/g;
const PARAMETER_NAME = /^[A-Za-z0-9_][-.A-Za-z0-9_]*$/;
const KEY = /^[-._A-Za-z0-9]+$/;
const STEP = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const SHOWN = 80;
const LITERAL = 'or write $$( for a text that is to stay as it is';

/** All of them, in the order of the text. */
export function references(text: string): readonly (Reference | MalformedReference)[] {
  return [...text.matchAll(TOKEN)].flatMap((match) => {
    const found = referenceOf(match);
    return found === undefined ? [] : [found];
  });
}

/** The text with what its references stand for. Malformed ones stay as they are: admission has refused them. Throws where there is no room. */
export function substitute(text: string, lookup: Lookup, options: SubstituteOptions): string {
  if (!text.includes('$(')) return text;
  return text.replace(TOKEN, (found, ...groups: unknown[]) => {
    const [room, path, end] = groups.map((group) => (typeof group === 'string' ? group : undefined));
    const reference = readReference(found, room, path, end);
    if (reference === undefined || reference.kind === 'malformed') return found;
    const value = textOf(lookup(reference));
    options.room.take(value.length);
    return options.escape ? value.replaceAll('$', '$$$$') : value;
  });
}

/**
 * The same for a value of any form: its texts are substituted, not escaped. A text that is one reference and nothing else
 * becomes the value itself, so that a number stays one.
 */
export function substituteValue(value: unknown, lookup: Lookup, room: Room): unknown {
  if (typeof value === 'string') {
    const [first] = value.matchAll(TOKEN);
    const reference = first?.[0] === value ? referenceOf(first) : undefined;
    if (reference === undefined || reference.kind === 'malformed') {
      return substitute(value, lookup, { escape: false, room });
    }
    const found = lookup(reference) ?? '';
    room.take(textOf(found).length);
    return found;
  }
  if (Array.isArray(value)) return value.map((item: unknown) => substituteValue(item, lookup, room));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, substituteValue(item, lookup, room)]),
  );
}

/** A text is itself, nothing is empty, everything else is JSON: `3`, `true`, `["a"]`. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function referenceOf(match: RegExpExecArray): Reference | MalformedReference | undefined {
  const [text, room, path, end] = match;
  return readReference(text, room, path, end);
}

/** Undefined for `$$`. */
function readReference(
  text: string,
  room: string | undefined,
  path: string | undefined,
  end: string | undefined,
): Reference | MalformedReference | undefined {
  if (room === undefined || path === undefined) return undefined;
  const malformed = (wanted: string): MalformedReference => {
    const shown = text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
    return { kind: 'malformed', text: shown, problem: `"${shown}" is no reference: ${wanted}, ${LITERAL}` };
  };
  if (end !== ')') return malformed('its ")" is missing; close it');
  switch (room) {
    case 'parameters':
      if (!PARAMETER_NAME.test(path)) return malformed('write $(parameters.NAME)');
      return { kind: 'parameter', name: path };
    case 'config':
      return KEY.test(path) ? { kind: 'config', key: path } : malformed('write $(config.KEY)');
    case 'run':
      if (path === 'name' || path === 'scheduledTime') return { kind: 'run', field: path };
      return malformed('a run has $(run.name) and $(run.scheduledTime)');
    default:
      return taskReference(path) ?? malformed(TASK_FORMS);
  }
}

const TASK_FORMS = 'a step has $(tasks.STEP.exitCode), $(tasks.STEP.stdout) and $(tasks.STEP.outputs.KEY)';

function taskReference(path: string): Reference | undefined {
  const [step = '', field = '', ...rest] = path.split('.');
  if (!STEP.test(step)) return undefined;
  if (field === 'exitCode' || field === 'stdout') {
    return rest.length === 0 ? { kind: 'task', step, field } : undefined;
  }
  // A key may have dots.
  const key = rest.join('.');
  return field === 'outputs' && KEY.test(key) ? { kind: 'task', step, field, key } : undefined;
}
