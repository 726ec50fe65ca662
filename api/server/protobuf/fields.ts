/** The message tables, read: which field a number on the wire stands for. Each message is read when first met. */
import { messages } from './messages.ts';

const SCALARS = ['string', 'bytes', 'bool', 'int32', 'int64'] as const;
/** Messages on the wire that are one value in JSON. */
const SPECIALS = ['Time', 'MicroTime', 'Quantity', 'IntOrString', 'Raw'] as const;

export type Scalar = (typeof SCALARS)[number];
export type Special = (typeof SPECIALS)[number];

export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: Scalar }
  | { readonly kind: 'special'; readonly special: Special }
  | { readonly kind: 'message'; readonly message: string };

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly shape: 'single' | 'list' | 'map' | 'inline';
  /** When a zero is told: a scalar that is a pointer in Go, or one that is never left out. */
  readonly keepsZero: boolean;
}

export interface Message {
  readonly fields: ReadonlyMap<number, Field>;
  /** What is told of scalars that did not come at all. */
  readonly zeros: readonly (readonly [name: string, zero: unknown])[];
}

const known = new Map<string, Message>();
const LINE = /^(\d+) (?:(\.\.\.)(\w+)|(\w+) (\[\]|\{\})?(\w+)([?!])?)$/;

/** Throws when the tables are wrong: they are ours. */
export function messageOf(name: string): Message {
  let message = known.get(name);
  if (message === undefined) known.set(name, (message = readMessage(name)));
  return message;
}

function readMessage(name: string): Message {
  const text = Object.hasOwn(messages, name) ? messages[name] : undefined;
  if (text === undefined) throw new Error(`no table of the message ${name}`);
  const fields = new Map<number, Field>();
  const zeros: [string, unknown][] = [];
  for (const line of text.trim().split(/,\s*/)) {
    const match = LINE.exec(line);
    if (match === null) throw new Error(`the table of ${name} has the line "${line}"`);
    const [, number = '', inline, embedded = '', field = '', shape, typeName = '', mark] = match;
    const type = typeOf(inline === undefined ? typeName : embedded);
    fields.set(Number(number), {
      name: field,
      type,
      shape: inline !== undefined ? 'inline' : shape === '[]' ? 'list' : shape === '{}' ? 'map' : 'single',
      keepsZero: mark !== undefined,
    });
    if (mark === '!' && type.kind === 'scalar') zeros.push([field, zeroOf(type.scalar)]);
  }
  return { fields, zeros };
}

function typeOf(name: string): FieldType {
  const scalar = SCALARS.find((candidate) => candidate === name);
  if (scalar !== undefined) return { kind: 'scalar', scalar };
  const special = SPECIALS.find((candidate) => candidate === name);
  return special === undefined ? { kind: 'message', message: name } : { kind: 'special', special };
}

function zeroOf(scalar: Scalar): unknown {
  switch (scalar) {
    case 'string':
    case 'bytes':
      return '';
    case 'bool':
      return false;
    case 'int32':
    case 'int64':
      return 0;
  }
}
