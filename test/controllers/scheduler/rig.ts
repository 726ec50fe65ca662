/** A scheduler at work in a small world, with hooks around its calls. */
import { setImmediate } from 'node:timers/promises';
import type { ObjectStore } from '../../../client/informer.ts';
import { Recorder } from '../../../controllers/engine/recorder.ts';
import { newInformers } from '../../../controllers/informers.ts';
import { openScheduler } from '../../../controllers/scheduler/controller.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { silentLog } from '../../../machinery/log.ts';
import { events, tasks } from '../../../schemas/kinds.ts';
import type { Event, Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { type ClientCall, type ClientHooks, intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';

export type Status = NonNullable<Task['status']>;

export class SchedulerRig {
  readonly world: World;
  /** Around the scheduler's own calls. */
  hooks: ClientHooks = {};
  readonly calls: ClientCall[] = [];
  #stop = new AbortController();
  #tasks: ObjectStore<Task> | undefined;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(world: World) {
    this.world = world;
  }

  static async open(): Promise<SchedulerRig> {
    const rig = new SchedulerRig(await openWorld());
    rig.start();
    return rig;
  }

  /** The scheduler's own copy of a task is as said. Moves no clock, so that it may be waited for within a call. */
  async untilSeen(name: string, is: (task: Task) => boolean): Promise<void> {
    for (let turn = 0; turn < 10_000; turn++) {
      const task = this.#tasks?.get(`default/${name}`);
      if (task !== undefined && is(task)) return;
      await setImmediate();
    }
    throw new Error(`the scheduler does not see the change of task ${name}`);
  }

  /** A new one, which knows nothing of what an earlier one did. */
  start(): void {
    const { world } = this;
    const { clock, random, metrics } = world;
    const base = { clock, random, metrics, log: silentLog };
    const stop = new AbortController();
    this.#stop = stop;
    const informers = newInformers({ ...base, client: world.controllerClient('informers') });
    this.#tasks = informers.tasks;
    const client = intercept(world.controllerClient('scheduler'), {
      before: async (call) => {
        await this.hooks.before?.(call);
        this.calls.push(call);
      },
      after: (call) => this.hooks.after?.(call),
    });
    const recorder = new Recorder({
      ...base,
      client: world.controllerClient('scheduler'),
      component: 'scheduler',
    });
    const loop = openScheduler({ ...base, client, recorder }, informers);
    this.#running = Promise.all([
      ...Object.values(informers).map((informer) => informer.start(stop.signal)),
      loop.run(stop.signal),
    ]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.world.close();
  }

  add(name: string, spec: Partial<Task['spec']> = {}): Promise<Task> {
    return this.world.admin.create(tasks, taskManifest(name, spec));
  }

  get(name: string): Promise<Task> {
    return this.world.admin.get(tasks, { namespace: 'default', name });
  }

  async workerOf(name: string): Promise<string | undefined> {
    return (await this.get(name)).spec.workerName;
  }

  async scheduled(name: string): Promise<ReturnType<typeof findCondition>> {
    return findCondition((await this.get(name)).status?.conditions, 'Scheduled');
  }

  async eventsOf(name: string): Promise<readonly Event[]> {
    const { items } = await this.world.admin.list(events);
    return items.filter((event) => event.involvedObject.name === name);
  }

  /** What a worker would say of it. */
  async say(name: string, status: Status): Promise<void> {
    const task = await this.get(name);
    await this.world.admin.update(
      tasks,
      { ...task, status: { ...task.status, ...status } },
      { subresource: 'status' },
    );
  }

  /** Bound, and running there. */
  async run(name: string, spec: Partial<Task['spec']>): Promise<void> {
    await this.add(name, spec);
    await this.world.until(`${name} is bound`, async () => (await this.workerOf(name)) !== undefined, 5_000);
    await this.world.settle();
    await this.say(name, { phase: 'Running', workerName: (await this.workerOf(name)) ?? '' });
    await this.world.settle();
  }
}
