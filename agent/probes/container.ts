/**
 * One container under its probes: who asks when, what the answers amount to, and what is told of them.
 *
 * Promises that nothing is told more often than it helps: a change of state at once; other words for the same state, and
 * an Event with the same words over and over, now and then.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Decision, EventSink } from '../../controllers/engine/event.ts';
import type { Probe, ProbeState, ProbeTarget } from '../../controllers/task/services.ts';
import type { Clock } from '../../machinery/clock.ts';
import type { Random } from '../../machinery/random.ts';
import type { Agenda } from './agenda.ts';
import type { Answer } from './answer.ts';
import { Asker } from './asker.ts';
import type { CountProbe } from './metrics.ts';
import type { Questions } from './questions.ts';
import type { Road } from './road.ts';
import {
  countAnswer,
  freshTally,
  isAsked,
  PROBE_KINDS,
  type ProbeKind,
  probeStateOf,
  recountedTally,
  sentenceOf,
  type Tally,
} from './state.ts';

const PERIOD_MS = 10_000;
/** Between two Events with the same words, once there were as many as make a failure. */
const SAME_EVENT_MS = 60_000;
/** Between two changes of the words alone. */
const SAME_STATE_MS = 30_000;

export interface ContainerDeps {
  readonly clock: Clock;
  readonly agenda: Agenda;
  readonly random: Random;
  readonly events: EventSink;
  readonly questions: Questions;
  readonly count: CountProbe;
  readonly roadTo: (target: ProbeTarget) => Road;
  /** Containers that ran before this moment (wall time) were found, not started: their first questions are spread. */
  readonly sinceMs: number;
  readonly onChange: (taskKey: string) => void;
}

interface Watched {
  readonly probe: Probe;
  readonly asker: Asker;
  tally: Tally;
  told: { readonly sentence: string; readonly atMs: number } | undefined;
}

export class ContainerProbes {
  readonly #deps: ContainerDeps;
  readonly #watched = new Map<ProbeKind, Watched>();
  #target: ProbeTarget;
  #road: Road;
  #published: ProbeState;
  #publishedAtMs: number;

  constructor(deps: ContainerDeps, target: ProbeTarget) {
    this.#deps = deps;
    this.#target = target;
    this.#road = deps.roadTo(target);
    for (const [kind, probe] of probesOf(target)) {
      const wasPassed = kind === 'startup' ? target.wasStarted : kind === 'readiness' && target.wasReady;
      const fresh = freshTally(kind);
      this.#watch(kind, probe, wasPassed === true ? { ...fresh, verdict: 'passed' } : fresh);
    }
    this.#published = this.#state();
    this.#publishedAtMs = deps.clock.monotonicMs();
    this.#holdAndRelease();
  }

  get startedAtMs(): number {
    return this.#target.startedAtMs;
  }

  get state(): ProbeState {
    return this.#published;
  }

  get hasProbes(): boolean {
    return this.#watched.size > 0;
  }

  /** The same container, maybe with another spec: probes that are the same go on, others begin anew. */
  update(target: ProbeTarget): void {
    const before = this.#target;
    this.#target = target;
    if (before.ip !== target.ip) this.#road = this.#deps.roadTo(target);
    if (before.task === target.task) return;
    const probes = new Map(probesOf(target));
    for (const [kind, { probe, asker }] of this.#watched) {
      if (isDeepStrictEqual(probe, probes.get(kind))) continue;
      asker.end();
      if (!probes.has(kind)) this.#watched.delete(kind);
    }
    for (const [kind, probe] of probes) {
      const known = this.#watched.get(kind);
      if (known !== undefined && isDeepStrictEqual(known.probe, probe)) continue;
      this.#watch(kind, probe, this.#inherited(kind, known));
    }
    this.#holdAndRelease();
    this.#publish();
  }

  end(): void {
    for (const { asker } of this.#watched.values()) asker.end();
  }

  /** Who runs, ready, is not made unready by an edit: its verdict stays until the new probe speaks against it. */
  #inherited(kind: ProbeKind, known: Watched | undefined): Tally {
    if (known !== undefined && known.tally.verdict !== 'failed') return recountedTally(known.tally);
    const { startup, readiness } = this.#published;
    const isPassed = kind === 'startup' ? startup === 'none' || startup === 'passed' : readiness === 'ready';
    return isPassed ? { ...freshTally(kind), verdict: 'passed' } : freshTally(kind);
  }

  #watch(kind: ProbeKind, probe: Probe, tally: Tally): void {
    const { clock, agenda } = this.#deps;
    const asker = new Asker({
      clock,
      agenda,
      periodMs: periodOf(probe),
      firstInMs: this.#firstInMs(probe),
      ask: (signal) => this.#ask(kind, signal),
    });
    this.#watched.set(kind, { probe, asker, tally, told: undefined });
  }

  /**
   * What is left of the initial delay, by the wall clock once and by the monotonic one from here on. As the kubelet does
   * after its own start, the first questions to containers that ran before are spread over their period.
   */
  #firstInMs(probe: Probe): number {
    const { clock, random, sinceMs } = this.#deps;
    const { startedAtMs } = this.#target;
    const delayMs = (probe.initialDelaySeconds ?? 0) * 1000;
    const leftMs = Math.min(delayMs, Math.max(0, startedAtMs + delayMs - clock.now()));
    return startedAtMs < sinceMs ? leftMs + random.next() * periodOf(probe) : leftMs;
  }

  async #ask(kind: ProbeKind, signal: AbortSignal): Promise<void> {
    const { clock, questions, count } = this.#deps;
    const watched = this.#watched.get(kind);
    if (watched === undefined || signal.aborted) return;
    const { task, containerId } = this.#target;
    let beganMs = 0;
    let answer: Answer;
    try {
      answer = await questions.ask({ task, containerId, road: this.#road }, watched.probe, signal, () => {
        beganMs = clock.monotonicMs();
      });
    } catch {
      // Given up while it waited for its turn: nobody wants to know any more.
      return;
    }
    if (signal.aborted) return;
    count(kind, answer, clock.monotonicMs() - beganMs);
    watched.tally = countAnswer(kind, watched.tally, answer, watched.probe);
    this.#tell(kind, watched, answer);
    this.#holdAndRelease();
    this.#publish();
  }

  #tell(kind: ProbeKind, watched: Watched, answer: Answer): void {
    if (answer.kind === 'success') return;
    const { clock, events } = this.#deps;
    const { told, tally, probe } = watched;
    const sentence = sentenceOf(kind, answer);
    const nowMs = clock.monotonicMs();
    const isNews = answer.kind === 'failure' && tally.run <= (probe.failureThreshold ?? 3);
    if (!isNews && told?.sentence === sentence && nowMs - told.atMs < SAME_EVENT_MS) return;
    watched.told = { sentence, atMs: nowMs };
    events.record({
      object: this.#target.task,
      type: 'Warning',
      reason: answer.kind === 'warning' ? 'ProbeWarning' : 'Unhealthy',
      message: sentence,
      decision: decisionOf(kind, probe, tally, answer),
    });
  }

  #holdAndRelease(): void {
    const tallies = this.#tallies();
    for (const [kind, { asker }] of this.#watched) asker.hold(!isAsked(kind, tallies));
  }

  #publish(): void {
    const state = this.#state();
    const { message, startup, liveness, readiness } = this.#published;
    const isSame = state.startup === startup && state.liveness === liveness && state.readiness === readiness;
    if (isSame && state.message === message) return;
    const nowMs = this.#deps.clock.monotonicMs();
    // A message that is other at each question must not become a write at each question.
    const isRecent = nowMs - this.#publishedAtMs < SAME_STATE_MS;
    if (isSame && message !== undefined && isRecent) return;
    this.#published = state;
    this.#publishedAtMs = nowMs;
    this.#deps.onChange(this.#target.taskKey);
  }

  #state(): ProbeState {
    return probeStateOf(this.#tallies());
  }

  #tallies(): Partial<Record<ProbeKind, Tally>> {
    const tallies: Partial<Record<ProbeKind, Tally>> = {};
    for (const [kind, { tally }] of this.#watched) tallies[kind] = tally;
    return tallies;
  }
}

/** What a probe that is not content leads to. */
const ENDS = {
  startup: 'the container is ended by its failure',
  liveness: 'the container is ended by its failure',
  readiness: 'the task is not Ready until it passes',
} as const;

function decisionOf(kind: ProbeKind, probe: Probe, tally: Tally, answer: Answer): Decision {
  const { failureThreshold = 3, periodSeconds = PERIOD_MS / 1000 } = probe;
  const isFailure = answer.kind === 'failure';
  return {
    inputs: { probe: kind, failures: isFailure ? tally.run : 0, failureThreshold, periodSeconds },
    verdict: tally.verdict,
    action: isFailure && tally.verdict === 'failed' ? ENDS[kind] : 'it is asked again',
  };
}

function probesOf({ task }: ProbeTarget): [ProbeKind, Probe][] {
  const { startupProbe, livenessProbe, readinessProbe } = task.spec;
  const given = { startup: startupProbe, liveness: livenessProbe, readiness: readinessProbe };
  return PROBE_KINDS.flatMap((kind) => {
    const probe = given[kind];
    return probe === undefined ? [] : [[kind, probe] satisfies [ProbeKind, Probe]];
  });
}

function periodOf({ periodSeconds }: Probe): number {
  return periodSeconds === undefined ? PERIOD_MS : periodSeconds * 1000;
}
