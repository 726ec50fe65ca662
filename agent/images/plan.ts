/**
 * Which images go when the engine's disk is full. Pure.
 *
 * Source of the rule: Kubernetes, "Garbage collection of unused containers and images": from the high mark on, images
 * that nobody uses go until the low mark is reached, those first that were used longest ago, none that is younger than
 * the minimum age. Stricter than there: only images that this worker pulled itself, under no name but those it pulled.
 */
import { canonicalReference, repositoryOf } from '../../controllers/task/planning/image.ts';
import type { ImageSummary } from '../../machinery/runtime.ts';

export interface ImageMarks {
  /** Percent of the disk in use from which on images go; 0: never. */
  readonly highPercent: number;
  /** Percent of the disk that is to be in use afterwards. */
  readonly lowPercent: number;
  /** An image younger than that is about to be used. */
  readonly minAgeMs: number;
}

/** What is known of an image because this worker pulled it. Times are wall time, milliseconds. */
export interface PulledRecord {
  readonly id: string;
  /** As they were asked for. */
  readonly references: readonly string[];
  readonly pulledAtMs: number;
  readonly lastUsedMs: number;
}

export interface ImageWorld {
  readonly disk: { readonly usedBytes: number; readonly totalBytes: number };
  /** All images of the engine. */
  readonly images: readonly ImageSummary[];
  /** Ids of the images of all its containers, whoever's they are and whether they run or not. */
  readonly usedIds: ReadonlySet<string>;
  /** What the Tasks of this worker name. */
  readonly wanted: readonly string[];
  readonly records: readonly PulledRecord[];
  readonly nowMs: number;
}

export interface ImageRemoval {
  readonly id: string;
  readonly references: readonly string[];
  readonly bytes: number;
  readonly lastUsedMs: number;
}

export interface ImagePlan {
  readonly usedPercent: number;
  /** 0: the disk is not full enough. */
  readonly bytesToFree: number;
  /** In order. More than may be needed: images share layers, so the disk is looked at after each. */
  readonly removals: readonly ImageRemoval[];
  /** Images of this worker that stay, and why. */
  readonly kept: readonly { readonly id: string; readonly reason: KeepReason }[];
}

export type KeepReason = 'InUse' | 'NamedByTask' | 'Young' | 'ForeignName';

export function planImages(world: ImageWorld, marks: ImageMarks): ImagePlan {
  const { usedBytes, totalBytes } = world.disk;
  const usedPercent = totalBytes === 0 ? 0 : (100 * usedBytes) / totalBytes;
  if (marks.highPercent === 0 || usedPercent < marks.highPercent) {
    return { usedPercent, bytesToFree: 0, removals: [], kept: [] };
  }
  const bytesToFree = Math.max(0, Math.ceil(usedBytes - (totalBytes * marks.lowPercent) / 100));
  const wanted = wantedNames(world.wanted);
  const removals: ImageRemoval[] = [];
  const kept: { id: string; reason: KeepReason }[] = [];
  for (const record of world.records) {
    const image = world.images.find(({ id }) => id === record.id);
    if (image === undefined) continue;
    const reason = keepReason(image, record, wanted, world, marks);
    if (reason !== undefined) kept.push({ id: image.id, reason });
    else {
      const { id, references, bytes } = image;
      removals.push({ id, references, bytes, lastUsedMs: record.lastUsedMs });
    }
  }
  removals.sort((a, b) => a.lastUsedMs - b.lastUsedMs || (a.id < b.id ? -1 : 1));
  return { usedPercent, bytesToFree, removals, kept };
}

/** Which of the images a container or a Task uses now. */
export function usedImages(
  images: readonly ImageSummary[],
  usedIds: ReadonlySet<string>,
  tasks: readonly string[],
): ReadonlySet<string> {
  const wanted = wantedNames(tasks);
  return new Set(
    images.filter((image) => usedIds.has(image.id) || isWanted(image, wanted)).map(({ id }) => id),
  );
}

function keepReason(
  image: ImageSummary,
  record: PulledRecord,
  wanted: ReadonlySet<string>,
  { usedIds, nowMs }: ImageWorld,
  { minAgeMs }: ImageMarks,
): KeepReason | undefined {
  if (usedIds.has(image.id)) return 'InUse';
  if (isWanted(image, wanted)) return 'NamedByTask';
  // A clock that was put back makes everything young: then nothing goes.
  if (nowMs - Math.max(record.pulledAtMs, record.lastUsedMs) < minAgeMs) return 'Young';
  return image.references.every((reference) => isOurName(reference, record)) ? undefined : 'ForeignName';
}

function wantedNames(images: readonly string[]): ReadonlySet<string> {
  // An image may also be named by its id, whole or in part; those are compared as they are.
  return new Set(images.flatMap((image) => [image, canonicalReference(image) ?? image]));
}

function isWanted({ id, references }: ImageSummary, wanted: ReadonlySet<string>): boolean {
  if (references.some((reference) => wanted.has(canonicalReference(reference) ?? reference))) return true;
  const hex = id.replace(/^sha256:/, '');
  return [...wanted].some(
    (name) => /^(?:sha256:)?[0-9a-f]{4,64}$/.test(name) && hex.startsWith(name.replace(/^sha256:/, '')),
  );
}

/** With a tag comes a name by digest, of the same repository. */
function isOurName(reference: string, record: PulledRecord): boolean {
  const name = canonicalReference(reference);
  if (record.references.some((pulled) => canonicalReference(pulled) === name)) return true;
  if (!reference.includes('@')) return false;
  const repository = repositoryOf(reference);
  return record.references.some((pulled) => {
    const own = repositoryOf(pulled);
    return own !== undefined && own.domain === repository?.domain && own.path === repository.path;
  });
}
