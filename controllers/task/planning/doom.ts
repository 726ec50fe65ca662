/** Why a container that runs, and is the wanted one, must end all the same. Words of Events are the kubelet's. */
import type { StopReason } from '../types.ts';
import type { Attempt } from './attempts.ts';
import { graceSecondsOf, isUnderWay } from './stops.ts';
import { isFinal, toldStop } from './toldstop.ts';
import type { TaskView } from './view.ts';

export interface Doom {
  readonly reason: StopReason;
  /** For the Event and the status. */
  readonly message: string;
  /** What led to it, for the history. */
  readonly detail?: string;
  readonly gracePeriodMs: number;
}

export function doomOf({ task, world }: TaskView, { container }: Attempt): Doom | undefined {
  const { id, name } = container;
  const { spec } = task;
  const gracePeriodMs = graceSecondsOf(task) * 1000;
  const begun = world.memory.stopping.get(id);
  if (begun !== undefined && (isFinal(begun.reason) || isUnderWay(begun, world.monotonicMs))) {
    const message = begun.detail ?? `container ${name} is being stopped`;
    return { ...begun, message, gracePeriodMs };
  }
  // Begun before Gantry was restarted: the container may have had its signal, and is asked to end once more.
  const told = begun === undefined ? toldStop(task, container) : undefined;
  if (told !== undefined && (isFinal(told.reason) || !world.memory.isKnown)) {
    const message = told.detail ?? `container ${name} is being stopped`;
    return { ...told, message, gracePeriodMs };
  }
  const overuse = world.overuse.get(id);
  if (overuse !== undefined) {
    return {
      reason: 'Evicted',
      message: `Stopping container ${name}: ${overuse}`,
      detail: overuse,
      gracePeriodMs,
    };
  }
  const next = (spec.restartPolicy ?? 'Always') === 'Never' ? '' : ', will be restarted';
  const whose = `Container ${task.metadata.name}`;
  const postStart = world.memory.postStart.get(id);
  if (typeof postStart === 'object') {
    return {
      reason: 'Error',
      message: `${whose} failed its postStart hook${next}`,
      detail: `postStart hook failed: ${postStart.failed}`,
      gracePeriodMs,
    };
  }
  const probes = world.probes.get(id);
  const saying = (what: string): string => detailOf(what, probes?.message);
  if (probes?.startup === 'failed') {
    return {
      reason: 'StartupFailed',
      message: `${whose} failed startup probe${next}`,
      detail: saying('startup probe failed'),
      gracePeriodMs: ownGraceMs(spec.startupProbe, gracePeriodMs),
    };
  }
  if (probes?.liveness === 'failed') {
    return {
      reason: 'LivenessFailed',
      message: `${whose} failed liveness probe${next}`,
      detail: saying('liveness probe failed'),
      gracePeriodMs: ownGraceMs(spec.livenessProbe, gracePeriodMs),
    };
  }
  return undefined;
}

/** What was said may begin with it. */
function detailOf(what: string, said: string | undefined): string {
  if (said === undefined) return what;
  return said.toLowerCase().startsWith(what) ? said : `${what}: ${said}`;
}

function ownGraceMs(
  probe: { readonly terminationGracePeriodSeconds?: number } | undefined,
  otherwiseMs: number,
): number {
  const seconds = probe?.terminationGracePeriodSeconds;
  return seconds === undefined ? otherwiseMs : seconds * 1000;
}
