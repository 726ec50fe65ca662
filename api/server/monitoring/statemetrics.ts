/**
 * `/metrics/state`: the objects as metrics, in the manner of kube-state-metrics. What is told is what the watch caches
 * hold, read as the server reads; who may read it has the right to get this path.
 *
 * Lines are kept with the version of the object they are of, and the answer goes out in pieces, as fast as the reader takes
 * them: a scrape costs what changed since the one before it, and one pass over texts that are there.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity } from '../../../machinery/identity.ts';
import type { Resource } from '../../../machinery/meta.ts';
import { jobs, runs, taskSets, tasks, workers } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { Registry, StoredObject } from '../../registry/types.ts';
import type { Described, StateView, Tails } from '../../views/metrics/described.ts';
import { type Family, familyHead } from '../../views/metrics/family.ts';
import { type Share, shareOf, taskState } from '../../views/metrics/taskstate.ts';
import {
  addShare,
  type Held,
  sharesFamilies,
  shareTails,
  workerState,
} from '../../views/metrics/workerstate.ts';
import { jobState, runState, taskSetState } from '../../views/metrics/workloadstate.ts';
import { Kept } from './kept.ts';

/** Characters: some ms of work. */
const PIECE = 128 * 1024;

/** Reads everything, for whoever may read all of it in this form. */
const READER: Identity = { name: 'system:metrics', groups: [GROUP_MASTERS] };

interface DescribedTask extends Described {
  readonly share: Share | undefined;
}

type KindPath = Pick<Resource, 'group' | 'version' | 'plural'>;

interface Other {
  readonly view: StateView;
  readonly kind: KindPath;
  readonly kept: Kept<Described>;
}

interface Section {
  readonly families: readonly Family[];
  readonly objects: readonly Described[];
}

type Registered = Pick<Registry, 'findKind' | 'isReady' | 'list'>;

export class StateMetrics {
  readonly #registry: Registered;
  readonly #tasks = new Kept<DescribedTask>((object) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- admitted by its kind's schema
    const task = object as unknown as Task;
    return { ...taskState.describe(object), share: shareOf(task) };
  });
  readonly #others: readonly Other[] = [
    { view: taskSetState, kind: taskSets },
    { view: jobState, kind: jobs },
    { view: runState, kind: runs },
  ].map((other) => ({ ...other, kept: new Kept(other.view.describe) }));
  readonly #workers = new Kept((object) => ({
    ...workerState.describe(object),
    name: object.metadata.name,
  }));

  constructor(registry: Registered) {
    this.#registry = registry;
  }

  /**
   * The text in pieces, each some milliseconds of work. What takes long is done before the first of them, so that an error can still be answered with a
   * code. Rejects with ServiceUnavailable while the caches do not follow the store: what they hold may be long over.
   */
  async read(signal: AbortSignal): Promise<Iterable<string>> {
    if (!this.#registry.isReady()) {
      throw new ApiError('ServiceUnavailable', 'the caches do not follow the store now, try again later', {
        retryAfterSeconds: 1,
      });
    }
    const described = await this.#tasks.of(await this.#list(tasks), signal);
    const sections: Section[] = [{ families: taskState.families, objects: described }];
    for (const { view, kind, kept } of this.#others) {
      sections.push({ families: view.families, objects: await kept.of(await this.#list(kind), signal) });
    }
    const held = heldOf(described);
    const named = await this.#workers.of(await this.#list(workers), signal);
    sections.push({ families: workerState.families, objects: named });
    sections.push({
      families: sharesFamilies,
      objects: named.map(({ head, name }) => ({ head, tails: shareTails(held.get(name)) })),
    });
    return write(sections);
  }

  async #list(resource: KindPath): Promise<readonly StoredObject[]> {
    const kind = this.#registry.findKind(resource.group, resource.version, resource.plural);
    if (kind === undefined) return [];
    // As the cache is: a scrape must not wait for a store.
    const { items } = await this.#registry.list({ identity: READER }, kind, { resourceVersion: '0' });
    return items;
  }
}

function heldOf(described: readonly DescribedTask[]): ReadonlyMap<string, Held> {
  const held = new Map<string, Held>();
  for (const { share } of described) if (share !== undefined) addShare(held, share);
  return held;
}

function* write(sections: readonly Section[]): Generator<string, void, undefined> {
  let piece = '';
  for (const { families, objects } of sections) {
    for (const [at, family] of families.entries()) {
      piece += familyHead(family);
      for (const { head, tails } of objects) {
        for (const tail of tails[at] ?? NONE) piece += `${family.name}${head}${tail}\n`;
        if (piece.length < PIECE) continue;
        yield piece;
        piece = '';
      }
    }
  }
  yield piece;
}

const NONE: Tails = [];
