/**
 * What concurrent clients did and were told: the evidence that the checker and the laws judge.
 *
 * Every operation has a place in one order of calls and answers. A write without an answer stays open to the end of
 * the history: it may have happened at any moment since its call, or never. A read without an answer says nothing.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A value and the revision it was written at. Every write of a history has a value of its own. */
export interface Seen {
  readonly value: string;
  readonly revision: number;
}

/** What must hold of the register for a write to go in. */
export type Wants =
  | { readonly kind: 'none' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'revision'; readonly revision: number };

export interface Intent {
  /** Undefined deletes. */
  readonly value: string | undefined;
  readonly wants: Wants;
}

/** What a refused write was told of the register, besides that its precondition does not hold. */
export type Evidence =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'seen'; readonly seen: Seen };

export type WriteOutcome =
  /** `revision` is absent where the answer does not tell it, `was` the revision that was replaced, where it does. */
  | { readonly kind: 'done'; readonly revision?: number; readonly was?: number }
  | { readonly kind: 'conflict'; readonly evidence: Evidence }
  | { readonly kind: 'unknown'; readonly why: string };

/** A write that was certainly not made, and whose answer says nothing about the register. */
export interface NotMade {
  readonly kind: 'not made';
  readonly why: string;
}

export type ReadAnswer =
  | { readonly kind: 'found'; readonly seen: Seen | undefined }
  | { readonly kind: 'failed'; readonly why: string };

/** The seam between the clients and what is tested. Neither method rejects for a failure that a fault explains. */
export interface Register {
  read(key: string): Promise<ReadAnswer>;
  write(key: string, intent: Intent): Promise<WriteOutcome | NotMade>;
}

export type Action =
  | { readonly kind: 'read'; readonly seen: Seen | undefined }
  | { readonly kind: 'write'; readonly intent: Intent; readonly outcome: WriteOutcome };

export interface Operation {
  readonly id: number;
  readonly client: string;
  readonly key: string;
  /** Places in the order of all calls and answers; `returned` is Infinity for a write whose outcome is unknown. */
  readonly called: number;
  readonly returned: number;
  readonly action: Action;
}

export interface WatchedEvent extends Omit<Seen, 'value'> {
  readonly key: string;
  /** Undefined for a deletion. */
  readonly value: string | undefined;
  /** What was there before, where the watch tells it; null for nothing. */
  readonly previous?: Seen | null;
}

/** One watch from beginning to end; where it was cut and resumed, the parts in one. */
export interface WatchLog {
  readonly name: string;
  readonly afterRevision: number;
  /** It began before the first operation. */
  readonly isWhole: boolean;
  readonly events: readonly WatchedEvent[];
}

export interface History {
  readonly operations: readonly Operation[];
  readonly watches: readonly WatchLog[];
}

/** Puts operations in order as they are called and answered. */
export class Recorder {
  readonly #operations: Operation[] = [];
  #waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  #place = 0;
  #id = 0;
  #failedReads = 0;
  #notMade = 0;

  async read(register: Register, client: string, key: string): Promise<ReadAnswer> {
    const id = ++this.#id;
    const called = ++this.#place;
    const answer = await register.read(key);
    const returned = ++this.#place;
    if (answer.kind === 'failed') this.#failedReads++;
    else {
      const { seen } = answer;
      this.#add({ id, client, key, called, returned, action: { kind: 'read', seen } });
    }
    return answer;
  }

  async write(
    register: Register,
    client: string,
    key: string,
    intent: Intent,
  ): Promise<WriteOutcome | NotMade> {
    const id = ++this.#id;
    const called = ++this.#place;
    const outcome = await register.write(key, intent);
    const returned = outcome.kind === 'unknown' ? Number.POSITIVE_INFINITY : ++this.#place;
    if (outcome.kind === 'not made') this.#notMade++;
    else {
      const action: Action = { kind: 'write', intent, outcome };
      this.#add({ id, client, key, called, returned, action });
    }
    return outcome;
  }

  /** Resolves when this many more operations have been answered. */
  more(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ at: this.#operations.length + count, resolve });
    });
  }

  #add(operation: Operation): void {
    this.#operations.push(operation);
    this.#waiting = this.#waiting.filter(({ at, resolve }) => {
      if (at > this.#operations.length) return true;
      resolve();
      return false;
    });
  }

  /** In the order of calls. */
  get operations(): readonly Operation[] {
    return [...this.#operations].sort((a, b) => a.called - b.called);
  }

  /** How much there is to judge. */
  counts(): Readonly<Record<'reads' | WriteOutcome['kind'], number>> {
    const counts = { reads: 0, done: 0, conflict: 0, unknown: 0 };
    for (const { action } of this.#operations)
      counts[action.kind === 'read' ? 'reads' : action.outcome.kind]++;
    return counts;
  }

  summary(): string {
    const { reads, done, conflict, unknown } = this.counts();
    return (
      `${reads} reads, ${done} writes done, ${conflict} refused by their precondition, ${unknown} unknown; ` +
      `besides ${this.#failedReads} reads failed, ${this.#notMade} writes not made`
    );
  }
}

/** `0042-0047 c2: put "c2.5" if at 41 -> done at 44` */
export function describeOperation({ called, returned, client, action }: Operation): string {
  const from = String(called).padStart(5, '0');
  const to = Number.isFinite(returned) ? String(returned).padStart(5, '0') : ' ... ';
  return `${from}-${to} ${client}: ${describeAction(action)}`;
}

export function describeSeen(seen: Seen | undefined): string {
  return seen === undefined ? 'nothing' : `"${seen.value}" at ${seen.revision}`;
}

function describeAction(action: Action): string {
  if (action.kind === 'read') return `read -> ${describeSeen(action.seen)}`;
  const { intent, outcome } = action;
  const what = intent.value === undefined ? 'delete' : `put "${intent.value}"`;
  const condition = {
    none: '',
    absent: ' if absent',
    present: ' if present',
    revision: intent.wants.kind === 'revision' ? ` if at ${intent.wants.revision}` : '',
  }[intent.wants.kind];
  return `${what}${condition} -> ${describeOutcome(outcome)}`;
}

function describeOutcome(outcome: WriteOutcome): string {
  switch (outcome.kind) {
    case 'done': {
      const at = outcome.revision === undefined ? '' : ` at ${outcome.revision}`;
      return `done${at}${outcome.was === undefined ? '' : ` (in place of ${outcome.was})`}`;
    }
    case 'conflict': {
      const { evidence } = outcome;
      return `refused: ${evidence.kind === 'seen' ? describeSeen(evidence.seen) : evidence.kind}`;
    }
    case 'unknown':
      return `unknown (${outcome.why})`;
  }
}

/** Keeps a whole history for whoever looks into a failure: one JSON document a line. Gives the file's path. */
export function keepHistory(history: History, heading: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'gantry-history-')), 'history.jsonl');
  const lines = [
    { heading },
    ...history.operations.map((operation) => ({ ...operation, text: describeOperation(operation) })),
    ...history.watches.flatMap(({ name, afterRevision, isWhole, events }) => [
      { watch: name, afterRevision, isWhole },
      ...events.map((event) => ({ watch: name, ...event })),
    ]),
  ];
  writeFileSync(path, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
  return path;
}
