/** What the scheduler recorded about workers, taken apart, and what would have to change on each. Pure. */
import type { WorkerVerdict } from '../../../machinery/why.ts';

/** As the scheduler writes it into the decision of an Event and into the message of condition Scheduled. */
const AGAINST = /^(\S+) ([A-Z][A-Za-z]+) \((.*)\)$/s;
const FITS = /^(\S+) fits(?:, (.*))?$/s;

/** Undefined for what is no verdict of the scheduler's. */
export function parseVerdict(text: string): WorkerVerdict | undefined {
  const [, fitting, words] = FITS.exec(text) ?? [];
  if (fitting !== undefined) {
    return { worker: fitting, verdict: 'Fits', ...(words === undefined ? {} : { detail: words }) };
  }
  const [, worker, verdict, detail] = AGAINST.exec(text) ?? [];
  return worker === undefined || verdict === undefined || detail === undefined
    ? undefined
    : { worker, verdict, detail };
}

/** Of a decision's verdict: a list of them, or nothing. */
export function verdictsIn(verdict: unknown): readonly WorkerVerdict[] {
  if (!Array.isArray(verdict)) return [];
  return verdict.flatMap((item: unknown) => (typeof item === 'string' ? (parseVerdict(item) ?? []) : []));
}

/** What condition Scheduled says of each worker: the first ten are named there, also when their Event is gone. */
export function verdictsInMessage(message: string): readonly WorkerVerdict[] {
  const [, list = ''] = /^0\/\d+ workers fit: (.*)$/s.exec(message) ?? [];
  const parts = list.split('); ');
  return parts.flatMap((part, at) => parseVerdict(at < parts.length - 1 ? `${part})` : part) ?? []);
}

/** What would make the worker fit. */
export function needOf({ worker, verdict, detail = '' }: WorkerVerdict): string | undefined {
  const found = detail === '' ? '' : ` (${detail})`;
  switch (verdict) {
    case 'Fits':
      return undefined;
    case 'InsufficientCPU':
      return `more CPU free on worker ${worker}, or less asked in spec.resources${found}`;
    case 'InsufficientMemory':
      return `more memory free on worker ${worker}, or less asked in spec.resources${found}`;
    case 'InsufficientDisk':
      return `more disk free on worker ${worker}, or less ephemeral-storage asked in spec.resources${found}`;
    case 'PortConflict':
      return `another hostPort in spec.ports, or the holder of it off worker ${worker}${found}`;
    case 'SelectorMismatch':
      return `the labels on worker ${worker} that spec.workerSelector wants, or another selector${found}`;
    case 'AffinityMismatch':
      return `another spec.affinity, or what it wants on worker ${worker}${found}`;
    case 'TaintNotTolerated':
      return `a toleration in spec.tolerations, or the taint off worker ${worker}${found}`;
    case 'WorkerCordoned':
      return `worker ${worker} uncordoned (spec.unschedulable false)`;
    case 'WorkerNotReady':
      return `worker ${worker} Ready again${found}`;
    case 'VolumeElsewhere':
      return `room on the worker that has the volume, or another volume than what worker ${worker} lacks${found}`;
    case 'PlatformMismatch':
      return `an image for the platform of worker ${worker}, or a worker of the image's${found}`;
    default:
      return `worker ${worker} without ${verdict}${found}`;
  }
}
