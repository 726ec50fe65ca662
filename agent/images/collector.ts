/**
 * Keeps the engine's disk from filling up with images: looks at it every minute, and removes what `plan.ts` names,
 * looking at the disk again after each. Tells of it as Events of the Worker.
 *
 * Promises: nothing goes that a container of anybody's uses, that a Task of this worker names, or that the worker did not
 * pull itself; nothing goes before all Tasks are known. Never rejects.
 */
import type { EventSink } from '../../controllers/engine/event.ts';
import type { PulledImage } from '../../controllers/task/acting/pulls.ts';
import { sizeWords } from '../../controllers/task/planning/pullwords.ts';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { messageOf, RuntimeError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { ImageSummary, Runtime } from '../../machinery/runtime.ts';
import { withinBounds } from '../../runtime/bounded.ts';
import type { ReadFileSystem } from '../disk/pressure.ts';
import { type ImageMetrics, imageMetrics } from './metrics.ts';
import { type ImageMarks, type ImagePlan, type ImageRemoval, planImages, usedImages } from './plan.ts';
import { ImageRecord } from './record.ts';

export interface ImageSettings {
  /** Percent, default 85; 0 leaves all images where they are. */
  readonly highPercent?: number;
  /** Percent, default 80. */
  readonly lowPercent?: number;
  /** Where it is written down which images were pulled; default nowhere. */
  readonly recordFile?: string;
  /** Milliseconds, default 2 min. */
  readonly minAgeMs?: number;
  /** Milliseconds between two looks, default a minute. */
  readonly periodMs?: number;
}

export interface ImageCollectorOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: EventSink;
  readonly worker: string;
  /** For Events: with its uid `kubectl describe` finds them. */
  readonly workerObject: () => KubeObject | undefined;
  readonly settings: ImageSettings;
  readonly readFileSystem: ReadFileSystem;
  /** Images that the Tasks of this worker name; undefined while they are not all known. */
  readonly namedImages: () => readonly string[] | undefined;
}

const PERIOD_MS = 60_000;
const ACT_LIMIT_MS = 120_000;
/** The same trouble is told again after so long. */
const REMIND_MS = 3_600_000;
/** The kubelet's. */
const DEFAULT_MARKS: ImageMarks = { highPercent: 85, lowPercent: 80, minAgeMs: 2 * 60_000 };

export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #marks: ImageMarks;
  readonly #record: ImageRecord;
  readonly #metrics: ImageMetrics;
  #isBlind = false;
  /** What was told last, and when (monotonic). */
  #trouble: { readonly reason: string; readonly atMs: number } | undefined;

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
    const { settings, metrics, log } = options;
    this.#marks = {
      highPercent: settings.highPercent ?? DEFAULT_MARKS.highPercent,
      lowPercent: settings.lowPercent ?? DEFAULT_MARKS.lowPercent,
      minAgeMs: settings.minAgeMs ?? DEFAULT_MARKS.minAgeMs,
    };
    this.#record = new ImageRecord(settings.recordFile, log);
    this.#metrics = imageMetrics(metrics);
  }

  /** To be told of every pull. */
  onPulled(pulled: PulledImage): void {
    const { clock, log } = this.#options;
    this.#record.pulled(pulled, clock.now());
    // At once: an image that is not written down stays for ever.
    this.#record.save().catch((error: unknown) => log.warn({ err: error }, cannotWrite(error)));
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, worker, settings } = this.#options;
    await this.#record.load();
    while (!signal.aborted) {
      try {
        await this.#look(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#metrics.failures.inc();
        // An engine that is away is told of elsewhere.
        const isAway = error instanceof RuntimeError && error.reason === 'Unavailable';
        log[isAway ? 'debug' : 'warn'](
          { worker, err: error },
          `cannot look after the images: ${messageOf(error)}`,
        );
      }
      await sleep(clock, settings.periodMs ?? PERIOD_MS, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, log, namedImages } = this.#options;
    const wanted = namedImages();
    if (wanted === undefined || this.#record.all.length === 0) return;
    const known = this.#record.all;
    const images = await this.#ask('list of images', signal, (inner) => this.#options.runtime.images(inner));
    const usedIds = await this.#usedIds(signal);
    const nowMs = clock.now();
    const present = new Set(images.map(({ id }) => id));
    this.#record.forget(known.filter(({ id }) => !present.has(id)));
    this.#record.used(usedImages(images, usedIds, wanted), nowMs);
    await this.#record.save().catch((error: unknown) => log.warn({ err: error }, cannotWrite(error)));
    if (this.#marks.highPercent === 0) return;
    const disk = await this.#readDisk(signal);
    if (disk === undefined) return;
    const world = { disk, images, usedIds, wanted, records: this.#record.all, nowMs };
    const plan = planImages(world, this.#marks);
    if (plan.bytesToFree > 0) await this.#free(plan, disk, signal);
    else this.#trouble = undefined;
  }

  async #free(plan: ImagePlan, { path }: DiskReading, signal: AbortSignal): Promise<void> {
    let freed = 0;
    for (const removal of plan.removals) {
      if (freed >= plan.bytesToFree) break;
      const before = await this.#readDisk(signal);
      if (!(await this.#remove(removal, plan, signal))) continue;
      const after = await this.#readDisk(signal);
      const came = Math.max(0, (before?.usedBytes ?? 0) - (after?.usedBytes ?? 0));
      freed += came;
      this.#metrics.removed.inc();
      this.#metrics.freedBytes.inc(came);
    }
    if (freed >= plan.bytesToFree) {
      this.#trouble = undefined;
      return;
    }
    this.#metrics.failures.inc();
    const percent = Math.round(plan.usedPercent);
    this.#tell(
      'FreeDiskSpaceFailed',
      `${path} is ${percent} % full (images are removed from ${this.#marks.highPercent} % on): wanted ${sizeWords(plan.bytesToFree)} back, got ${sizeWords(freed)}. What is left was not pulled by Gantry or is in use; see docker system df`,
      { usedPercent: percent, kept: plan.kept.slice(0, 20) },
    );
  }

  /** @returns whether it is gone. */
  async #remove(removal: ImageRemoval, plan: ImagePlan, signal: AbortSignal): Promise<boolean> {
    const { runtime, clock, events, log } = this.#options;
    const { id, references, bytes, lastUsedMs } = removal;
    const name = references[0] ?? id;
    // Somebody may have made use of it since the plan.
    if ((await this.#usedIds(signal)).has(id)) return false;
    const named = this.#options.namedImages();
    if (named === undefined || usedImages([summaryOf(removal)], new Set(), named).has(id)) return false;
    try {
      await this.#ask(`removal of image ${name}`, signal, (inner) => runtime.removeImage(id, inner));
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.reason === 'Unavailable') throw error;
      log.info({ image: name }, `image stays: ${error.message}`);
      return false;
    }
    const percent = Math.round(plan.usedPercent);
    const message = `Removed image ${name} (${sizeWords(bytes)}, last used ${agoWords(clock.now() - lastUsedMs)} ago): the engine's disk was ${percent} % full`;
    log.info({ image: name, bytes }, message);
    events.record({
      object: this.#worker(),
      type: 'Normal',
      reason: 'ImageGCRemoved',
      message,
      decision: {
        inputs: { id, references, bytes, lastUsedMs, usedPercent: percent },
        verdict: 'Unused',
        action: 'removeImage',
      },
    });
    return true;
  }

  /** Undefined, with a word about it, where nobody can say. */
  async #readDisk(signal: AbortSignal): Promise<DiskReading | undefined> {
    const { runtime, readFileSystem, log } = this.#options;
    const { isLocal, dataRoot } = await this.#ask('info of the container engine', signal, (inner) =>
      runtime.info(inner),
    );
    if (!isLocal) return undefined;
    const found = await readFileSystem(dataRoot);
    if (found === undefined || found.totalBytes === 0) {
      const message = `cannot tell how full ${dataRoot} is, where the engine keeps its images: none are removed`;
      if (!this.#isBlind) log.warn(message);
      this.#isBlind = true;
      return undefined;
    }
    this.#isBlind = false;
    const { totalBytes, availableBytes } = found;
    return { path: dataRoot, totalBytes, usedBytes: totalBytes - availableBytes };
  }

  async #usedIds(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const all = await this.#ask('list of containers', signal, (inner) =>
      this.#options.runtime.list({}, inner),
    );
    return new Set(all.map(({ imageId }) => imageId));
  }

  #ask<T>(what: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withinBounds(this.#options.clock, { what, signal, limitMs: ACT_LIMIT_MS }, work);
  }

  /** As an Event, once, and again now and then while it lasts. */
  #tell(reason: string, message: string, inputs: Readonly<Record<string, unknown>>): void {
    const { clock, log, events } = this.#options;
    const nowMs = clock.monotonicMs();
    const before = this.#trouble;
    if (before?.reason === reason && nowMs - before.atMs < REMIND_MS) return;
    this.#trouble = { reason, atMs: nowMs };
    log.warn(message);
    const decision = { inputs, verdict: reason, action: 'none' };
    events.record({ object: this.#worker(), type: 'Warning', reason, message, decision });
  }

  #worker(): KubeObject {
    const { worker, workerObject } = this.#options;
    return workerObject() ?? { apiVersion: 'gantry.dev/v1', kind: 'Worker', metadata: { name: worker } };
  }
}

interface DiskReading {
  readonly path: string;
  readonly usedBytes: number;
  readonly totalBytes: number;
}

function summaryOf({ id, references, bytes }: ImageRemoval): ImageSummary {
  return { id, references, bytes, createdAtMs: 0 };
}

function cannotWrite(error: unknown): string {
  return `cannot write down which images were pulled: ${messageOf(error)}`;
}

function agoWords(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`;
}
