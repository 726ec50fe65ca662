/**
 * Clients that read and write a few registers at random, from a seed: what they want is the seed's, how their calls
 * fall together is the machine's. Each remembers the revisions it saw, and sometimes writes on an old one.
 */
import type { Clock } from '../../machinery/clock.ts';
import { sleep } from '../../machinery/clock.ts';
import { pick, type Random, seededRandom } from '../../machinery/random.ts';
import type { Intent, NotMade, ReadAnswer, Recorder, Register, WriteOutcome } from './history.ts';

export interface WorkloadOptions {
  readonly recorder: Recorder;
  readonly seed: number;
  readonly clients: number;
  readonly keys: readonly string[];
  readonly clock: Clock;
  /** What a write without a precondition wants: some roads have none that also creates. */
  readonly blindly: Extract<Intent['wants'], { kind: 'none' | 'present' }>;
  /** The register a client uses for its next operation: clients may hop between servers. */
  readonly register: (client: number, random: Random) => Register;
  /** Each client ends after this many operations, */
  readonly operations?: number;
  /** or when this aborts. */
  readonly signal?: AbortSignal;
  /** The longest pause between two operations of a client, milliseconds. */
  readonly pauseMs: number;
  /** The longest pause after an operation that failed, milliseconds. */
  readonly afterFailureMs?: number;
}

/** Every read at the end gets this many tries, and a pause in between: all faults are over by then. */
const LAST_TRIES = 100;
const LAST_PAUSE_MS = 100;

export async function runClients(options: WorkloadOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.clients }, (_, client) => runClient(options, client)));
}

/** Clients run as long as the work does. Rejects with what the work or a client failed by first. */
export async function withClients<T>(
  options: Omit<WorkloadOptions, 'signal' | 'operations'>,
  work: () => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const clients = runClients({ ...options, signal: stop.signal });
  try {
    // Clients whose store does not come back wait for ever: then what the work failed by is what is told.
    const result = await Promise.race([work(), clients.then(() => unreachable())]);
    stop.abort();
    await clients;
    return result;
  } finally {
    stop.abort();
  }
}

function unreachable(): never {
  throw new Error('the clients ended before they were stopped');
}

async function runClient(options: WorkloadOptions, client: number): Promise<void> {
  const { recorder, clock, signal, keys } = options;
  const random = seededRandom(options.seed * 1000 + client);
  const name = `c${client}`;
  const seen = new Map<string, number | undefined>();
  const limit = options.operations ?? Number.POSITIVE_INFINITY;
  for (let serial = 1; serial <= limit; serial++) {
    if (signal?.aborted === true) return;
    const key = pick(random, keys) ?? '';
    const wish = random.next();
    const isOld = random.next() < 0.1;
    const register = options.register(client, random);
    let answer: ReadAnswer | WriteOutcome | NotMade;
    if (wish < 0.4) {
      answer = await recorder.read(register, name, key);
      if (!isOld && answer.kind === 'found') seen.set(key, answer.seen?.revision);
    } else {
      const intent = intentOf(wish, `${name}.${serial}`, seen.get(key), options.blindly);
      answer = await recorder.write(register, name, key, intent);
      if (!isOld) learn(answer, intent, seen, key);
    }
    const isFailure = answer.kind === 'failed' || answer.kind === 'unknown' || answer.kind === 'not made';
    const pauseMs = isFailure ? (options.afterFailureMs ?? options.pauseMs) : options.pauseMs;
    await sleep(clock, random.next() * pauseMs, signal);
  }
}

function intentOf(
  wish: number,
  value: string,
  revision: number | undefined,
  blindly: Intent['wants'],
): Intent {
  const ifSeen: Intent['wants'] =
    revision === undefined ? { kind: 'absent' } : { kind: 'revision', revision };
  if (wish < 0.7) return { value, wants: ifSeen };
  if (wish < 0.75) return { value, wants: { kind: 'absent' } };
  if (wish < 0.85) return { value, wants: blindly };
  // Deleting what is not there is refused on every road, so a deletion wants something there at least.
  if (wish < 0.93 && revision !== undefined) return { value: undefined, wants: ifSeen };
  return { value: undefined, wants: { kind: 'present' } };
}

function learn(
  answer: WriteOutcome | NotMade,
  intent: Intent,
  seen: Map<string, number | undefined>,
  key: string,
): void {
  if (answer.kind === 'done') seen.set(key, intent.value === undefined ? undefined : answer.revision);
  if (answer.kind !== 'conflict') return;
  const { evidence } = answer;
  if (evidence.kind === 'seen') seen.set(key, evidence.seen.revision);
  if (evidence.kind === 'absent') seen.set(key, undefined);
}

/** Reads every register once through each of these, when all faults are over: what was lost shows here. */
export async function readAll(
  options: Pick<WorkloadOptions, 'recorder' | 'keys' | 'clock'>,
  registers: readonly Register[],
): Promise<void> {
  for (const key of options.keys) {
    for (const register of registers) {
      for (let tries = 1; ; tries++) {
        const answer = await options.recorder.read(register, 'last', key);
        if (answer.kind === 'found') break;
        if (tries === LAST_TRIES) throw new Error(`cannot read ${key} after all faults: ${answer.why}`);
        await sleep(options.clock, LAST_PAUSE_MS);
      }
    }
  }
}
