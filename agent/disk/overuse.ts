/** Whether a container takes more of the worker's disk than its Task allows. Pure. */
import { formatBytes, wholeUnits } from '../../machinery/quantity.ts';
import type { Task } from '../../schemas/types.gen.ts';

export interface DiskLimits {
  /** Bytes of everything together: limits.ephemeral-storage. */
  readonly total?: number;
  /** Whether any emptyDir on the disk has a limit of its own; the place of the outputs has one. */
  readonly hasSizeLimits: boolean;
}

export interface DiskUsage {
  /** In the container's own layer. */
  readonly writableBytes: number;
  readonly logBytes: number;
  /** The Task's emptyDirs on the disk. */
  readonly directories: readonly {
    readonly volume: string;
    readonly bytes: number;
    readonly sizeLimit?: number;
  }[];
}

/** Undefined for a Task that may take what it likes: it is not measured. */
export function diskLimitsOf(task: Task): DiskLimits | undefined {
  const total = task.spec.resources?.limits?.['ephemeral-storage'];
  const hasSizeLimits =
    task.spec.outputs !== undefined ||
    (task.spec.volumes ?? []).some(
      ({ emptyDir }) => emptyDir?.sizeLimit !== undefined && emptyDir.medium !== 'Memory',
    );
  if (total === undefined && !hasSizeLimits) return undefined;
  return { ...(total === undefined ? {} : { total: wholeUnits(total) }), hasSizeLimits };
}

/**
 * Why the container must go, in a sentence; undefined when it may stay.
 * Source of the rules: Kubernetes documentation, "Local ephemeral storage".
 */
export function overuseOf({ total }: DiskLimits, usage: DiskUsage): string | undefined {
  for (const { volume, bytes, sizeLimit } of usage.directories) {
    if (sizeLimit !== undefined && bytes > sizeLimit) {
      return `usage of emptyDir volume "${volume}", ${shown(bytes)}, exceeds its sizeLimit ${formatBytes(sizeLimit)}`;
    }
  }
  const inDirectories = usage.directories.reduce((sum, { bytes }) => sum + bytes, 0);
  const all = usage.writableBytes + usage.logBytes + inDirectories;
  if (total === undefined || all <= total) return undefined;
  const parts = `${shown(usage.writableBytes)} in its own layer, ${shown(inDirectories)} in emptyDirs, ${shown(usage.logBytes)} of log`;
  return `the container takes ${shown(all)} of the worker's disk (${parts}) and exceeds its ephemeral-storage limit ${formatBytes(total)}`;
}

/** `12.5Mi`: exact figures are nobody's concern. */
function shown(bytes: number): string {
  return bytes < 2 ** 20 ? `${Math.ceil(bytes / 2 ** 10)}Ki` : `${Math.round((bytes / 2 ** 20) * 10) / 10}Mi`;
}
