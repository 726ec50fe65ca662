/**
 * Pulls of images, for all Tasks of a worker.
 *
 * Promises: a few at a time; one pull for all who want the same image with the same credentials; a registry that stands
 * still is given up; of several credentials that fit, each is tried; whoever waits is told how far it has come, at most
 * every three seconds and only when it moved, now and then as news; and once how it ended.
 */
import { type Clock, sleep } from '../../../machinery/clock.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import { jsonHash } from '../../../machinery/json.ts';
import { Limiter } from '../../../machinery/limiter.ts';
import type { Metrics } from '../../../machinery/metrics.ts';
import type { ImageInfo, PullProgress, RegistryAuth, Runtime } from '../../../machinery/runtime.ts';
import { withinBounds } from '../../../runtime/bounded.ts';
import { progressWords, pulledWords } from '../planning/pullwords.ts';
import { authsFor } from '../planning/registryauth.ts';
import { type CountPull, pullCounter } from '../pullmetrics.ts';

export interface PullSettings {
  /** Pulls at once; default 3. */
  readonly atOnce?: number;
  /** A pull that does not move for so long is given up, milliseconds; default 5 min. */
  readonly progressDeadlineMs?: number;
  /** Called for each pull that went well. */
  readonly onPulled?: (pulled: PulledImage) => void;
}

export interface PulledImage {
  /** As it was asked for. */
  readonly reference: string;
  readonly info: ImageInfo;
  /** False: the engine had it before, under this name or another. */
  readonly isNew: boolean;
}

export interface PullsOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly settings: PullSettings;
  readonly metrics: Metrics;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** One who waits for a pull. @param isNews worth an Event: seldom, where the words alone come more often. */
export type OnPullProgress = (words: string, isNews: boolean) => void;

interface Pull {
  readonly listeners: OnPullProgress[];
  readonly work: Promise<string>;
}

const AT_ONCE = 3;
/** The kubelet's `--image-pull-progress-deadline` was a minute; unpacking a large layer onto a slow disk says nothing. */
const PROGRESS_DEADLINE_MS = 5 * 60_000;
/** However it moves: nothing waits for ever. */
const LIMIT_MS = 6 * 3_600_000;
/** Between two words of progress: each may become a write of a status. */
const TELL_MS = 3_000;
/** Between two that are news: this, doubling, up to `MAX_NEWS_MS`. */
const NEWS_MS = 10_000;
const MAX_NEWS_MS = 60_000;

/** Another user could not do better. */
const FINAL: readonly string[] = ['RegistryUnavailable', 'InvalidSpec', 'Unavailable'];

export class Pulls {
  readonly #options: PullsOptions;
  readonly #places: Limiter;
  readonly #counted: CountPull;
  /** By image and credentials. */
  readonly #pulls = new Map<string, Pull>();

  constructor(options: PullsOptions) {
    this.#options = options;
    this.#places = new Limiter(options.settings.atOnce ?? AT_ONCE);
    this.#counted = pullCounter(options.metrics);
  }

  /** Resolves with what to say of it. Rejects with `RuntimeError`, and with the signal's reason when that aborts. */
  pull(image: string, auths: readonly RegistryAuth[], onProgress: OnPullProgress): Promise<string> {
    const fitting = authsFor(image, auths);
    const key = jsonHash({ image, fitting });
    const same = this.#pulls.get(key);
    if (same !== undefined) {
      same.listeners.push(onProgress);
      return same.work;
    }
    const { clock, signal } = this.#options;
    const listeners = [onProgress];
    const work = this.#places
      .run(signal, () => this.#counted(clock, signal, () => this.#pullOnce(image, fitting, listeners)))
      .finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, { listeners, work });
    return work;
  }

  async #pullOnce(
    image: string,
    auths: readonly RegistryAuth[],
    listeners: readonly OnPullProgress[],
  ): Promise<string> {
    const { clock, settings } = this.#options;
    const begunMs = clock.monotonicMs();
    const before = await this.#presentIds();
    const info = await this.#withEach(image, auths, listeners);
    settings.onPulled?.({ reference: image, info, isNew: before !== undefined && !before.has(info.id) });
    return pulledWords(image, info.bytes, clock.monotonicMs() - begunMs);
  }

  /** Undefined when the engine does not say: then nothing is taken for new. */
  async #presentIds(): Promise<ReadonlySet<string> | undefined> {
    const { runtime, signal, settings } = this.#options;
    if (settings.onPulled === undefined) return undefined;
    try {
      return new Set((await runtime.images(signal)).map(({ id }) => id));
    } catch (error) {
      if (error instanceof RuntimeError) return undefined;
      throw error;
    }
  }

  async #withEach(
    image: string,
    auths: readonly RegistryAuth[],
    listeners: readonly OnPullProgress[],
  ): Promise<ImageInfo> {
    const tries: readonly (RegistryAuth | undefined)[] = auths.length === 0 ? [undefined] : auths;
    const refusals: RuntimeError[] = [];
    for (const auth of tries) {
      try {
        return await this.#try(image, auth, listeners);
      } catch (error) {
        if (!(error instanceof RuntimeError) || FINAL.includes(error.reason)) throw error;
        refusals.push(error);
      }
    }
    const last = refusals.at(-1);
    if (last === undefined || refusals.length === 1) throw last;
    const message = `${last.message} (none of the ${refusals.length} credentials for it was good)`;
    throw new RuntimeError(last.reason, message, { cause: last });
  }

  async #try(
    image: string,
    auth: RegistryAuth | undefined,
    listeners: readonly OnPullProgress[],
  ): Promise<ImageInfo> {
    const { runtime, clock, settings, signal } = this.#options;
    const deadlineMs = settings.progressDeadlineMs ?? PROGRESS_DEADLINE_MS;
    const over = new AbortController();
    const stalled = new AbortController();
    let latest: PullProgress | undefined;
    let movedMs = clock.monotonicMs();
    const watch = async (): Promise<void> => {
      for (;;) {
        const leftMs = movedMs + deadlineMs - clock.monotonicMs();
        if (leftMs <= 0) return stalled.abort();
        await sleep(clock, leftMs, over.signal);
        if (over.signal.aborted) return;
      }
    };
    const tell = async (): Promise<void> => {
      let told: string | undefined;
      let pauseMs = NEWS_MS;
      let newsAtMs = clock.monotonicMs() + pauseMs;
      for (;;) {
        await sleep(clock, TELL_MS, over.signal);
        if (over.signal.aborted) return;
        const words = latest === undefined ? undefined : progressWords(latest);
        if (words === undefined || words === told) continue;
        told = words;
        const isNews = clock.monotonicMs() >= newsAtMs;
        if (isNews) {
          pauseMs = Math.min(MAX_NEWS_MS, pauseMs * 2);
          newsAtMs = clock.monotonicMs() + pauseMs;
        }
        for (const listener of listeners) listener(words, isNews);
      }
    };
    const watching = Promise.all([watch(), tell()]);
    const bounds = {
      what: `pull of image "${image}"`,
      signal: AbortSignal.any([signal, stalled.signal]),
      limitMs: LIMIT_MS,
    };
    try {
      return await withinBounds(clock, bounds, (inner) =>
        runtime.pull(
          image,
          {
            ...(auth === undefined ? {} : { auth }),
            onProgress: (progress) => {
              latest = progress;
              movedMs = clock.monotonicMs();
            },
          },
          inner,
        ),
      );
    } catch (error) {
      if (!stalled.signal.aborted || signal.aborted) throw error;
      const reached = latest === undefined ? undefined : progressWords(latest);
      throw new RuntimeError(
        'RegistryUnavailable',
        `pull of image "${image}": nothing came from the registry for ${deadlineMs / 1000} s${reached === undefined ? '' : ` (${reached})`}, gave it up`,
        { cause: error },
      );
    } finally {
      over.abort();
      await watching;
    }
  }
}
