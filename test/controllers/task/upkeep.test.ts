/** What goes on beside the acts, and that it ends with its Task whatever comes in which order. */
import { expect } from 'chai';
import { Upkeep } from '../../../controllers/task/acting/upkeep.ts';
import { planTask } from '../../../controllers/task/plan.ts';
import type { TaskServices } from '../../../controllers/task/services.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { boundTask, container, plainInputs, world } from './worlds.ts';

const { signal } = new AbortController();
const KEY = 'default/web';

describe('Upkeep of a Task', () => {
  const watched = new Set<string>();
  const probed = new Set<string>();
  const nothing = (): void => undefined;
  const done = (): Promise<void> => Promise.resolve();
  const services: TaskServices = {
    inputs: {
      inputsOf: (task) => {
        watched.add(`${task.metadata.namespace}/${task.metadata.name}`);
        return plainInputs(task);
      },
      forget: (key) => void watched.delete(key),
      onChange: nothing,
    },
    prober: {
      keep: ({ containerId }) => void probed.add(containerId),
      drop: (id) => void probed.delete(id),
      stateOf: () => undefined,
      onChange: nothing,
    },
    disk: { overuseOf: () => new Map(), onChange: nothing },
    progress: { progressOf: () => new Map(), forget: nothing, onChange: nothing },
    volumes: { prepare: () => Promise.resolve([]), refresh: done, release: done, sweep: done },
    outputs: {
      prepare: () => Promise.resolve({ kind: 'bind', source: '/o', target: '/o', readOnly: false }),
      read: () => Promise.resolve({ kind: 'none' }),
    },
    networks: {
      ensure: (_namespace, mode) => Promise.resolve(mode),
      sweep: done,
      known: () => Promise.resolve([]),
    },
    hooks: { run: done },
    archive: { keep: done },
    seccompProfiles: { read: () => Promise.resolve('') },
  };

  it('is forgotten with its Task, also by a look that was under way when the Task went', async () => {
    const task = boundTask({ readinessProbe: { tcpSocket: { port: 80 } } });
    const containers = [container(1, task)];
    const upkeep = new Upkeep({ services, clock: new FakeClock(), log: silentLog, onChange: nothing });
    const look = (): void => {
      upkeep.surroundingsOf(task, true, containers);
      upkeep.probe(KEY, task, planTask(world(task, containers)));
    };
    look();
    await upkeep.sweep([task], [], signal);
    expect([...watched, ...probed], 'while it is there').to.deep.equal([KEY, 'c1']);
    upkeep.forget(KEY, task.metadata.uid);
    expect([...watched, ...probed], 'once it is gone').to.deep.equal([]);
    look();
    await upkeep.sweep([], [], signal);
    expect([...watched, ...probed], 'after the look that came late').to.deep.equal([]);
  });
});
