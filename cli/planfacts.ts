/**
 * What a forecast is made from, read as whoever asks: nothing is told that they may not see, and what they may not see is
 * said. Read only where something changes.
 */
import {
  type Content,
  contentKey,
  contentsOf,
  inputKindOf,
  MISSING_INPUT,
} from '../controllers/explain/plan/inputs.ts';
import type { PlanFacts, PlannedChange } from '../controllers/explain/plan/types.ts';
import type { Client } from '../machinery/client.ts';
import type { Clock } from '../machinery/clock.ts';
import { isApiError } from '../machinery/errors.ts';
import { NAMESPACE_DEFAULT } from '../machinery/labels.ts';
import type { KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';
import {
  configMaps,
  controllerRevisions,
  jobs,
  schedulerSettings,
  secrets,
  taskSets,
  tasks,
  workers,
} from '../schemas/kinds.ts';
import type { InputKind } from '../schemas/taskreferences.ts';
import type { Task, TaskSet } from '../schemas/types.gen.ts';

/** Of ConfigMaps and Secrets: more are taken to be there. */
const MAX_CONTENTS = 500;

interface Reading {
  readonly client: Pick<Client, 'get' | 'list'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
}

export async function readPlanFacts(changes: readonly PlannedChange[], reading: Reading): Promise<PlanFacts> {
  return new Reader(changes, reading).read();
}

class Reader {
  readonly #changes: readonly PlannedChange[];
  readonly #reading: Reading;
  readonly #unread: string[] = [];

  constructor(changes: readonly PlannedChange[], reading: Reading) {
    this.#changes = changes;
    this.#reading = reading;
  }

  async read(): Promise<PlanFacts> {
    const namespaces = new Set(
      this.#changes.map(({ after }) => after.metadata.namespace ?? NAMESPACE_DEFAULT),
    );
    // What is of the cluster concerns every namespace.
    const isWide = this.#changes.some(({ after }) => after.metadata.namespace === undefined);
    const scope = isWide ? undefined : [...namespaces];
    const nowMs = this.#reading.clock.now();
    const workerList = await this.#all(workers, undefined);
    if (workerList === undefined) {
      this.#unread.push('workers may not be listed: where new containers go cannot be told');
    }
    const everywhere = await this.#all(tasks, undefined);
    if (everywhere === undefined) {
      this.#unread.push(
        'tasks of all namespaces may not be listed: the room that others hold of the workers is not counted',
      );
    }
    const taskSetList = await this.#some(taskSets, scope);
    const taskList = everywhere ?? (await this.#some(tasks, [...namespaces]));
    return {
      changes: this.#changes,
      tasks: taskList,
      taskSets: taskSetList,
      revisions: await this.#some(controllerRevisions, scope),
      jobs: await this.#some(jobs, scope),
      workers: workerList,
      settings: await this.#one(schedulerSettings, { name: 'default' }),
      contents: await this.#contents(taskSetList, taskList),
      unread: this.#unread,
      nowMs,
    };
  }

  /** Undefined where they may not be listed. */
  async #all<T extends KubeObject>(
    kind: Resource<T>,
    namespace: string | undefined,
  ): Promise<readonly T[] | undefined> {
    const { signal } = this.#reading;
    try {
      const options = { signal, ...(namespace === undefined ? {} : { namespace }) };
      return (await this.#reading.client.list(kind, options)).items;
    } catch (error) {
      if (isApiError(error, 'Forbidden')) return undefined;
      throw error;
    }
  }

  async #some<T extends KubeObject>(
    kind: Resource<T>,
    namespaces: readonly string[] | undefined,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    for (const namespace of namespaces ?? [undefined]) {
      const some = await this.#all(kind, namespace);
      if (some === undefined) {
        const where = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`;
        this.#unread.push(`${kind.plural} of ${where} may not be listed: what becomes of them is not told`);
      }
      found.push(...(some ?? []));
    }
    return found;
  }

  /** Undefined where there is none, or none that may be read. */
  async #one<T extends KubeObject>(kind: Resource<T>, key: ObjectKey): Promise<T | undefined> {
    try {
      return await this.#reading.client.get(kind, key, { signal: this.#reading.signal });
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Forbidden')) return undefined;
      throw error;
    }
  }

  /** Of what changes, of what the Tasks and sets that change are made from, and of what waits where something changes. */
  async #contents(sets: readonly TaskSet[], all: readonly Task[]): Promise<PlanFacts['contents']> {
    const contents = new Map<string, Content | undefined>();
    for (const { after } of this.#changes) {
      const kind = inputKindOf(after);
      const { namespace = NAMESPACE_DEFAULT, name } = after.metadata;
      if (kind !== undefined) contents.set(contentKey(kind, namespace, name), after);
    }
    const changed = new Set(contents.keys());
    const wanted = [...this.#wanted(sets, all, changed)].filter((content) => !contents.has(content));
    const room = Math.max(0, MAX_CONTENTS - contents.size);
    if (wanted.length > room) {
      this.#unread.push(
        `${wanted.length - room} more ConfigMaps and Secrets are used than the ${MAX_CONTENTS} that were read: they are taken to be as they were`,
      );
    }
    for (const content of wanted.slice(0, room)) {
      const [kind = '', path = ''] = content.split(':');
      const [namespace = '', name = ''] = path.split('/');
      await this.#readContent(contents, content, kind === 'secrets' ? 'secrets' : 'configmaps', {
        namespace,
        name,
      });
    }
    return contents;
  }

  #wanted(sets: readonly TaskSet[], all: readonly Task[], changed: ReadonlySet<string>): ReadonlySet<string> {
    const wanted = new Set<string>();
    for (const { after } of this.#changes) {
      // The server has said that they are such objects.
      if (after.kind === tasks.kind) for (const one of contentsOf(after as Task)) wanted.add(one);
      if (after.kind === taskSets.kind)
        for (const one of contentsOf(templateOf(after as TaskSet))) wanted.add(one);
    }
    for (const set of sets) {
      const used = contentsOf(templateOf(set));
      if (used.some((one) => changed.has(one))) for (const one of used) wanted.add(one);
    }
    const namespaces = new Set(this.#changes.map(({ after }) => after.metadata.namespace));
    for (const task of all) {
      if (!namespaces.has(task.metadata.namespace)) continue;
      // What it waits for may come with this, and something else that it needs be missing still.
      const { reason } = task.status ?? {};
      const used = contentsOf(task);
      const isHeld =
        reason === 'DependencyNotReady' || (reason === MISSING_INPUT && used.some((one) => changed.has(one)));
      if (isHeld) for (const one of used) wanted.add(one);
    }
    return wanted;
  }

  async #readContent(
    contents: Map<string, Content | undefined>,
    content: string,
    kind: InputKind,
    key: ObjectKey,
  ): Promise<void> {
    const { signal } = this.#reading;
    try {
      const { client } = this.#reading;
      const object =
        kind === 'secrets'
          ? await client.get(secrets, key, { signal })
          : await client.get(configMaps, key, { signal });
      contents.set(content, object);
    } catch (error) {
      if (isApiError(error, 'NotFound')) contents.set(content, undefined);
      else if (isApiError(error, 'Forbidden')) {
        const word = kind === 'secrets' ? 'Secret' : 'ConfigMap';
        this.#unread.push(
          `${word} ${key.namespace}/${key.name} may not be read: it is taken to be as it was`,
        );
      } else throw error;
    }
  }
}

function templateOf({ metadata, spec }: TaskSet): Pick<Task, 'metadata' | 'spec'> {
  return { metadata, spec: { ...spec.template.spec, restartPolicy: 'Always' } };
}
