/** What answers amount to. Each row is a story: the probes, the answers in order, what the planner is told at the end. */
import { expect } from 'chai';
import type { Answer } from '../../../agent/probes/answer.ts';
import {
  countAnswer,
  freshTally,
  isAsked,
  PROBE_KINDS,
  type ProbeKind,
  probeStateOf,
  type Tally,
} from '../../../agent/probes/state.ts';
import type { Probe, ProbeState } from '../../../controllers/task/services.ts';
import { pick, seededRandom } from '../../../machinery/random.ts';

const ok: Answer = { kind: 'success' };
const bad = (message = 'no'): Answer => ({ kind: 'failure', message });
const lost: Answer = { kind: 'unknown', message: 'engine is down' };
const far: Answer = { kind: 'warning', message: 'redirected' };

interface Row {
  readonly name: string;
  readonly probes: Partial<Record<ProbeKind, Probe>>;
  readonly answers?: readonly (readonly [ProbeKind, Answer])[];
  readonly state: ProbeState;
  readonly asked: readonly ProbeKind[];
}

const all = { startup: {}, liveness: {}, readiness: {} };
const ready: ProbeState = { startup: 'none', liveness: 'ok', readiness: 'ready' };
const times = (count: number, kind: ProbeKind, answer: Answer): (readonly [ProbeKind, Answer])[] =>
  Array.from({ length: count }, () => [kind, answer] as const);

const rows: readonly Row[] = [
  { name: 'a container without probes is ready', probes: {}, state: ready, asked: [] },
  {
    name: 'a container is alive before its first answer',
    probes: { liveness: {} },
    state: ready,
    asked: ['liveness'],
  },
  {
    name: 'and not ready before its first answer',
    probes: { readiness: {} },
    state: { ...ready, readiness: 'notReady' },
    asked: ['readiness'],
  },
  {
    name: 'one success makes it ready',
    probes: { readiness: {} },
    answers: [['readiness', ok]],
    state: ready,
    asked: ['readiness'],
  },
  {
    name: 'as many successes in a row as are wanted make it ready',
    probes: { readiness: { successThreshold: 2 } },
    answers: [
      ['readiness', ok],
      ['readiness', bad()],
      ['readiness', ok],
    ],
    state: { ...ready, readiness: 'notReady', message: 'Readiness probe failed: no' },
    asked: ['readiness'],
  },
  {
    name: 'a success with a warning is a success',
    probes: { readiness: {} },
    answers: [['readiness', far]],
    state: ready,
    asked: ['readiness'],
  },
  {
    name: 'two failures of three change nothing, and nothing is told of them',
    probes: { readiness: {} },
    answers: [['readiness', ok], ...times(2, 'readiness', bad())],
    state: ready,
    asked: ['readiness'],
  },
  {
    name: 'three failures in a row make it unready, in the words of the last',
    probes: { readiness: {} },
    answers: [['readiness', ok], ...times(2, 'readiness', bad()), ['readiness', bad('HTTP 503')]],
    state: { ...ready, readiness: 'notReady', message: 'Readiness probe failed: HTTP 503' },
    asked: ['readiness'],
  },
  {
    name: 'a success in between starts the count anew',
    probes: { liveness: {} },
    answers: [...times(2, 'liveness', bad()), ['liveness', ok], ...times(2, 'liveness', bad())],
    state: ready,
    asked: ['liveness'],
  },
  {
    name: 'an answer that says nothing about the container counts neither way',
    probes: { liveness: { failureThreshold: 2 } },
    answers: [['liveness', bad()], ...times(5, 'liveness', lost)],
    state: ready,
    asked: ['liveness'],
  },
  {
    name: 'and is told where the container is not ready',
    probes: { readiness: {} },
    answers: [['readiness', lost]],
    state: { ...ready, readiness: 'notReady', message: 'Readiness probe errored: engine is down' },
    asked: ['readiness'],
  },
  {
    name: 'a failed liveness probe ends the asking of all: the container is ended',
    probes: { liveness: { failureThreshold: 1 }, readiness: {} },
    answers: [
      ['readiness', ok],
      ['liveness', bad('dead')],
    ],
    state: {
      startup: 'none',
      liveness: 'failed',
      readiness: 'notReady',
      message: 'Liveness probe failed: dead',
    },
    asked: [],
  },
  {
    name: 'a startup probe holds the others',
    probes: all,
    state: { startup: 'pending', liveness: 'ok', readiness: 'notReady' },
    asked: ['startup'],
  },
  {
    name: 'a startup probe that failed less often than it may holds them, and says why',
    probes: all,
    answers: times(2, 'startup', bad('not yet')),
    state: {
      startup: 'pending',
      liveness: 'ok',
      readiness: 'notReady',
      message: 'Startup probe failed: not yet',
    },
    asked: ['startup'],
  },
  {
    name: 'a passed startup probe lets the others go and is not asked again',
    probes: all,
    answers: [
      ['startup', bad()],
      ['startup', ok],
    ],
    state: { startup: 'passed', liveness: 'ok', readiness: 'notReady' },
    asked: ['liveness', 'readiness'],
  },
  {
    name: 'a failed startup probe ends the asking of all',
    probes: all,
    answers: times(3, 'startup', bad('never')),
    state: {
      startup: 'failed',
      liveness: 'ok',
      readiness: 'notReady',
      message: 'Startup probe failed: never',
    },
    asked: [],
  },
  {
    name: 'with a startup probe alone it is ready once started',
    probes: { startup: {} },
    answers: [['startup', ok]],
    state: { startup: 'passed', liveness: 'ok', readiness: 'ready' },
    asked: [],
  },
];

describe('probe states', () => {
  for (const { name, probes, answers = [], state, asked } of rows) {
    it(name, () => {
      const tallies: Partial<Record<ProbeKind, Tally>> = {};
      for (const kind of PROBE_KINDS) if (probes[kind] !== undefined) tallies[kind] = freshTally(kind);
      for (const [kind, answer] of answers) {
        const [tally, probe] = [tallies[kind], probes[kind]];
        if (tally !== undefined && probe !== undefined)
          tallies[kind] = countAnswer(kind, tally, answer, probe);
      }
      expect(probeStateOf(tallies)).to.deep.equal(state);
      const found = PROBE_KINDS.filter((kind) => probes[kind] !== undefined && isAsked(kind, tallies));
      expect(found).to.deep.equal(asked);
    });
  }

  it('the verdict is that of the last run of equal answers that was long enough, whatever came between', () => {
    const seed = Number(process.env['GANTRY_PROBES_SEED'] ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    const draw = (from: number, to: number): number => from + Math.floor(random.next() * (to - from + 1));
    for (let story = 0; story < 300; story++) {
      const kind = pick(random, PROBE_KINDS) ?? 'liveness';
      const probe = { failureThreshold: draw(1, 4), successThreshold: kind === 'readiness' ? draw(1, 4) : 1 };
      let tally = freshTally(kind);
      let expected = tally.verdict;
      let spoken = '';
      for (let at = 0; at < 40; at++) {
        const answer: Answer = pick(random, [ok, ok, bad(), bad(), lost, far]) ?? ok;
        tally = countAnswer(kind, tally, answer, probe);
        if (answer !== lost) spoken += answer.kind === 'failure' ? 'f' : 's';
        if (spoken.endsWith('s'.repeat(probe.successThreshold))) expected = 'passed';
        if (spoken.endsWith('f'.repeat(probe.failureThreshold))) expected = 'failed';
        const replay = `GANTRY_PROBES_SEED=${seed} npx mocha test/agent/probes/state.test.ts`;
        expect(tally.verdict, `${kind} ${JSON.stringify(probe)} after ${spoken}: ${replay}`).to.equal(
          expected,
        );
      }
    }
  });
});
