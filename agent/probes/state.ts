/**
 * From answers to what the planner is told, pure. The rules are the kubelet's (`prober/worker.go`, Kubernetes 1.33): a
 * verdict changes after so many equal answers in a row; a container is alive until it has failed, and not ready until it
 * has succeeded; the startup probe holds the others, and none is asked again once its failure ends the container.
 */
import type { Probe, ProbeState } from '../../controllers/task/services.ts';
import type { Answer } from './answer.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

/** In the order in which one stands in the way of the next. */
export const PROBE_KINDS: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];

/** What one probe has said so far. */
export interface Tally {
  readonly verdict: 'pending' | 'passed' | 'failed';
  /** The last answer that counted, and how many like it there were in a row. */
  readonly last?: 'success' | 'failure';
  readonly run: number;
  /** The last answer that was no success, in a sentence. */
  readonly message?: string;
}

/** Of the probes that the Task has. */
export type Tallies = Readonly<Partial<Record<ProbeKind, Tally>>>;

/** Before the first answer. */
export function freshTally(kind: ProbeKind): Tally {
  const verdict = { startup: 'pending', liveness: 'passed', readiness: 'failed' } as const;
  return { verdict: verdict[kind], run: 0 };
}

/** The verdict stays, and is questioned anew: for a probe that was edited. */
export function recountedTally({ verdict }: Tally): Tally {
  return { verdict, run: 0 };
}

export function countAnswer(kind: ProbeKind, tally: Tally, answer: Answer, probe: Probe): Tally {
  const message =
    answer.kind === 'failure' || answer.kind === 'unknown' ? sentenceOf(kind, answer) : undefined;
  if (answer.kind === 'unknown') return { ...tally, ...(message === undefined ? {} : { message }) };
  const last = answer.kind === 'failure' ? 'failure' : 'success';
  const run = tally.last === last ? tally.run + 1 : 1;
  const { successThreshold = 1, failureThreshold = 3 } = probe;
  const isDecided = run >= (last === 'success' ? successThreshold : failureThreshold);
  const verdict = !isDecided ? tally.verdict : last === 'success' ? 'passed' : 'failed';
  const kept = message ?? tally.message;
  return { verdict, last, run, ...(kept === undefined ? {} : { message: kept }) };
}

/** Whether this probe is to be asked now. */
export function isAsked(kind: ProbeKind, tallies: Tallies): boolean {
  const { startup, liveness } = tallies;
  if (liveness?.verdict === 'failed') return false;
  if (kind === 'startup') return startup?.verdict === 'pending';
  return startup === undefined || startup.verdict === 'passed';
}

export function probeStateOf({ startup, liveness, readiness }: Tallies): ProbeState {
  const hasStarted = startup === undefined || startup.verdict === 'passed';
  const isDead = liveness?.verdict === 'failed';
  const isReady = hasStarted && !isDead && (readiness === undefined || readiness.verdict === 'passed');
  const inTheWay = !hasStarted ? startup : isDead ? liveness : isReady ? undefined : readiness;
  return {
    startup: startup?.verdict ?? 'none',
    liveness: isDead ? 'failed' : 'ok',
    readiness: isReady ? 'ready' : 'notReady',
    ...(inTheWay?.message === undefined ? {} : { message: inTheWay.message }),
  };
}

const NAMES = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;

/** The kubelet's words: `Readiness probe failed: HTTP probe failed with statuscode: 500`. */
export function sentenceOf(kind: ProbeKind, answer: Exclude<Answer, { kind: 'success' }>): string {
  const what = { warning: 'warning', failure: 'failed', unknown: 'errored' }[answer.kind];
  return `${NAMES[kind]} probe ${what}: ${answer.message}`;
}
