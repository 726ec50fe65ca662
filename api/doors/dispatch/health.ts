/** `/health`: whether what the doors stand on answers: the store, and those who do the work. */
import type { Clock } from '../../../machinery/clock.ts';
import { messageOf } from '../../../machinery/errors.ts';
import type { Log } from '../../../machinery/log.ts';
import type { Agent, AgentState } from './agents.ts';

export interface HealthDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Reads from the store itself; rejects when it does not answer. */
  readonly checkStore: () => Promise<void>;
}

export interface HealthBody {
  /** `degraded`: work is taken, but some of those who would do it are not there. */
  readonly status: 'ok' | 'degraded' | 'unavailable';
  readonly store: 'ok' | 'unavailable';
  /** Null where who asks may not see them. */
  readonly workers: Readonly<Record<AgentState, number>> | null;
}

const PATIENCE_MS = 5_000;

/** @param agents undefined: who asks may not see them. */
export async function answerHealth(
  deps: HealthDeps,
  agents: () => Promise<readonly Agent[] | undefined>,
): Promise<{ readonly status: number; readonly body: HealthBody }> {
  const problem = await storeProblem(deps);
  if (problem !== undefined) {
    deps.log.warn({ problem }, 'the store does not answer');
    return { status: 503, body: { status: 'unavailable', store: 'unavailable', workers: null } };
  }
  const found = await agents();
  if (found === undefined) return { status: 200, body: { status: 'ok', store: 'ok', workers: null } };
  const count = (state: AgentState): number => found.filter(({ status }) => status === state).length;
  const counts = { online: count('online'), busy: count('busy'), offline: count('offline') };
  const isWhole = counts.offline === 0 && found.length > 0;
  return { status: 200, body: { status: isWhole ? 'ok' : 'degraded', store: 'ok', workers: counts } };
}

async function storeProblem({ clock, checkStore }: HealthDeps): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const timer = clock.after(PATIENCE_MS, () => late.resolve(`no answer within ${PATIENCE_MS} ms`));
  const check = async (): Promise<string | undefined> => {
    try {
      await checkStore();
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };
  try {
    return await Promise.race([check(), late.promise]);
  } finally {
    timer.cancel();
  }
}
