/**
 * How the workers that fit are compared, by the profile that `SchedulerSettings` names. Pure: a profile ranks, it never
 * makes a worker fit; whether one does is the filters' word alone.
 *
 * Source of EPVM: Amir, Awerbuch, Barak, Borgstrom, Keren, "An Opportunity Cost Approach for Job Assignment in a Scalable
 * Computing Cluster", IEEE TPDS 11(7), 2000. A machine costs n^u for each resource, where u is the share of it in use and
 * n the number of machines; a task goes where it adds least to that cost.
 */
import { allocatableOf } from './demand.ts';
import type { Ask, Candidate } from './filters.ts';

export const PROFILE_NAMES = ['Spread', 'BinPack', 'RoundRobin', 'EPVM'] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** What nobody has said. */
export const DEFAULT_PROFILE: ProfileName = 'Spread';

/** What is true of all candidates of one task together. */
export interface Field {
  /** How many workers there are, whether they fit or not. */
  readonly workers: number;
  /** The worker of the newest binding, as far as anybody knows of one. */
  readonly lastWorker: string | undefined;
}

export interface Score {
  /** The lowest is taken. */
  readonly rank: number;
  /** The figure behind it, for the decision. */
  readonly words: string;
}

export interface Profile {
  /** Only of workers that fit. */
  score(ask: Ask, candidate: Candidate, field: Field): Score;
  /** Why the best of several was taken. */
  explain(fitting: number, field: Field): string;
}

/** What every task counts at least when workers are compared, so that tasks that ask for nothing are seen, too. */
const LEAST_MILLI_CPU = 100;
const LEAST_MEMORY_BYTES = 200 * 2 ** 20;

interface Shares {
  readonly cpu: number;
  readonly memory: number;
}

/** The shares of CPU and memory that so many more tasks of this demand would hold: 0 empty, 1 full. */
function sharesWith({ demand }: Ask, candidate: Candidate, more: 0 | 1): Shares {
  const room = allocatableOf(candidate.worker);
  const tasks = candidate.taskCount + more;
  const share = (held: number, least: number, all: number): number =>
    all === 0 ? 1 : Math.max(held, least * tasks) / all;
  return {
    cpu: share(candidate.milliCpu + more * demand.milliCpu, LEAST_MILLI_CPU, room.milliCpu),
    memory: share(candidate.memoryBytes + more * demand.memoryBytes, LEAST_MEMORY_BYTES, room.memoryBytes),
  };
}

/** The mean share held once the task is there. */
function loadAfter(ask: Ask, candidate: Candidate): { readonly load: number; readonly fullest: number } {
  const { cpu, memory } = sharesWith(ask, candidate, 1);
  return { load: rounded((cpu + memory) / 2), fullest: Math.max(cpu, memory) };
}

/** How much dearer the worker becomes. With one machine there is nothing to weigh, so n is at least 2. */
function marginalCost(ask: Ask, candidate: Candidate, workers: number): number {
  const base = Math.max(2, workers);
  const before = sharesWith(ask, candidate, 0);
  const after = sharesWith(ask, candidate, 1);
  const added = (was: number, becomes: number): number => base ** becomes - base ** was;
  return rounded(added(before.cpu, after.cpu) + added(before.memory, after.memory));
}

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  /** Kubernetes' LeastAllocated. */
  Spread: {
    score(ask, candidate) {
      const { load } = loadAfter(ask, candidate);
      return { rank: load, words: `load ${load}` };
    },
    explain: (fitting) => `the least allocated of ${fitting} workers that fit`,
  },
  /** Kubernetes' MostAllocated: greedy, one worker is filled before the next is begun. */
  BinPack: {
    score(ask, candidate) {
      const { load, fullest } = loadAfter(ask, candidate);
      // Tasks that ask for nothing fit without end: beyond what they count at least, the emptier worker is the better.
      return { rank: fullest <= 1 ? 1 - load : 1 + load, words: `load ${load}` };
    },
    explain: (fitting) => `the most allocated of ${fitting} workers that fit`,
  },
  /** By name, beginning after the worker of the newest binding; equal ranks are taken by name. */
  RoundRobin: {
    score(_, { worker }, { lastWorker }) {
      const isAfter = lastWorker === undefined || worker.metadata.name > lastWorker;
      return {
        rank: isAfter ? 0 : 1,
        words: isAfter ? 'its turn in this round' : 'its turn in the next round',
      };
    },
    explain: (fitting, { lastWorker }) =>
      lastWorker === undefined
        ? `the first of ${fitting} workers that fit`
        : `the next after ${lastWorker} of ${fitting} workers that fit`,
  },
  EPVM: {
    score(ask, candidate, { workers }) {
      const cost = marginalCost(ask, candidate, workers);
      return { rank: cost, words: `costs ${cost} more` };
    },
    explain: (fitting) => `the least additional cost of ${fitting} workers that fit`,
  },
};

function rounded(figure: number): number {
  return Math.round(figure * 1e6) / 1e6;
}
