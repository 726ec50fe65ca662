/**
 * Containers as they would be: an engine on which everything works at once. What the status of a Task tells of its
 * container is where it begins; what the planner asks for is done to a copy.
 */
import {
  LABEL_ATTEMPT,
  LABEL_EPOCH,
  LABEL_SPEC_HASH,
  LABEL_TASK,
  LABEL_UID,
} from '../../../machinery/labels.ts';
import { keyOf, keyString } from '../../../machinery/meta.ts';
import { milliUnits } from '../../../machinery/quantity.ts';
import type { ContainerDetail, ContainerState } from '../../../machinery/runtime.ts';
import type { Task, Worker } from '../../../schemas/types.gen.ts';
import { planTask } from '../../task/plan.ts';
import { wantedResources } from '../../task/planning/resources.ts';
import { specHash } from '../../task/planning/spechash.ts';
import type { ProbeState, TaskInputs } from '../../task/services.ts';
import { type Action, emptyMemory, type TaskMemory, type TaskPlan } from '../../task/types.ts';

/** Whatever files there are: they are the same before and after. */
const FILES = 'imagined';
const HEALTHY: ProbeState = { startup: 'passed', liveness: 'ok', readiness: 'ready' };
const READY: TaskInputs = {
  kind: 'ready',
  env: [],
  files: new Map(),
  filesVersion: FILES,
  registryAuths: [],
};

/** The containers of one Task, and what its worker remembers of it. */
export class ImaginedContainers {
  #containers: ContainerDetail[];
  #memory: TaskMemory;
  #made = 0;

  /** @param task as it is stored; undefined for one that is made. */
  constructor(task: Task | undefined, cores: number | undefined) {
    const container = task === undefined ? undefined : containerOf(task, cores);
    this.#containers = container === undefined ? [] : [container];
    const ids = this.#containers.map(({ id }) => id);
    this.#memory = {
      ...emptyMemory,
      started: new Set(ids),
      postStart: new Map(ids.map((id) => [id, 'done'])),
      filesVersion: FILES,
      isKnown: true,
    };
  }

  /** The one that runs. */
  get alive(): string | undefined {
    return this.#containers.find(({ state }) => state === 'running' || state === 'paused')?.id;
  }

  /** What its worker would do now, and see. */
  plan(task: Task, worker: string, cores: number | undefined, nowMs: number, missing?: string): TaskPlan {
    // What runs is not taken to end by itself, so there is no deadline to wait for.
    const { activeDeadlineSeconds: _, ...spec } = task.spec;
    return planTask({
      task: { ...task, spec },
      containers: this.#containers,
      memory: this.#memory,
      inputs: missing === undefined ? READY : { kind: 'missing', message: missing },
      probes: new Map(this.#containers.map(({ id }) => [id, HEALTHY])),
      overuse: new Map(),
      progress: new Map(),
      outputs: new Map(),
      results: new Map(),
      nowMs,
      monotonicMs: nowMs,
      worker,
      clusterId: '',
      publishAddress: '',
      ...(cores === undefined ? {} : { cores }),
    });
  }

  /** Does it, as an engine would on which nothing fails. */
  perform(action: Action, nowMs: number): void {
    const now = new Date(nowMs).toISOString();
    switch (action.kind) {
      case 'pull':
        this.#memory = { ...this.#memory, pulled: action.image };
        return;
      case 'create': {
        const { name, image, labels, resources } = action.spec;
        const id = `${name}#${++this.#made}`;
        const bare = { id, name, image, imageId: '', labels, resources, oomKilled: false, ports: [] };
        this.#containers.push({ ...bare, state: 'created', createdAt: now });
        return;
      }
      case 'start': {
        const id = action.id ?? this.#containers.at(-1)?.id;
        this.#change(id, () => ({ state: 'running', startedAt: now, ip: '0.0.0.0' }));
        if (id !== undefined) this.#remember({ started: new Set([...this.#memory.started, id]) });
        return;
      }
      case 'postStart':
        this.#remember({ postStart: new Map([...this.#memory.postStart, [action.id, 'done']]) });
        return;
      case 'stop': {
        const { id, stopReason: reason, detail, gracePeriodMs } = action;
        const stopping = {
          reason,
          killAtMs: nowMs + gracePeriodMs,
          ...(detail === undefined ? {} : { detail }),
        };
        this.#remember({ stopping: new Map([...this.#memory.stopping, [id, stopping]]) });
        this.#change(id, () => ({ state: 'exited', exitCode: 143, finishedAt: now }));
        return;
      }
      case 'update':
        this.#change(action.id, ({ resources }) => ({ resources: { ...resources, ...action.resources } }));
        return;
      case 'unpause':
        this.#change(action.id, () => ({ state: 'running' }));
        return;
      case 'rename':
        this.#change(action.id, () => ({ name: action.name }));
        return;
      case 'remove':
        this.#containers = this.#containers.filter(({ id }) => id !== action.id);
        return;
      case 'refreshVolumes':
        this.#remember({ filesVersion: action.filesVersion });
        return;
      case 'releaseVolumes':
      case 'liftFinalizer':
        return;
    }
  }

  #remember(news: Partial<TaskMemory>): void {
    this.#memory = { ...this.#memory, ...news };
  }

  #change(id: string | undefined, change: (container: ContainerDetail) => Partial<ContainerDetail>): void {
    this.#containers = this.#containers.map((container) =>
      container.id === id ? { ...container, ...change(container) } : container,
    );
  }
}

/** Of its machine, as far as it says. */
export function coresOf(worker: Worker | undefined): number | undefined {
  const cpu = worker?.status?.capacity?.cpu;
  return cpu === undefined ? undefined : milliUnits(cpu) / 1000;
}

/**
 * The container that the status tells of, taken to be made from the spec as it is stored; undefined where there is none.
 * Only its state says more than the spec does.
 */
function containerOf(task: Task, cores: number | undefined): ContainerDetail | undefined {
  const { spec, status = {} } = task;
  const { container, workerName } = status;
  if (container?.id === undefined) return undefined;
  const { id, name = '', state, startedAt, finishedAt, exitCode, image = spec.image } = container;
  const known = status.history?.find((entry) => entry.id === id);
  const isHere = workerName === spec.workerName;
  const epoch = known?.epoch ?? Math.max(0, (spec.bindingEpoch ?? 0) - (isHere ? 0 : 1));
  const attempt = /\.(\d+)$/.exec(name)?.[1] ?? String(status.attempts ?? 1);
  return {
    id,
    name,
    image,
    imageId: container.imageID ?? '',
    labels: {
      ...task.metadata.labels,
      [LABEL_TASK]: keyString(keyOf(task)),
      [LABEL_UID]: task.metadata.uid ?? '',
      [LABEL_EPOCH]: String(epoch),
      [LABEL_ATTEMPT]: attempt,
      [LABEL_SPEC_HASH]: known?.specHash ?? specHash(spec),
    },
    state: stateOf(state),
    createdAt: startedAt ?? '',
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    oomKilled: container.oomKilled ?? false,
    resources: wantedResources(spec, cores),
    ports: [],
    ...(status.ip === undefined ? {} : { ip: status.ip }),
  };
}

const STATES: readonly ContainerState[] = ['created', 'running', 'paused', 'exited', 'dead'];

/** What is in between two states comes out as having ended. */
function stateOf(word: string | undefined): ContainerState {
  return STATES.find((state) => state === word) ?? (word === 'restarting' ? 'running' : 'exited');
}
