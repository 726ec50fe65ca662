/** A Task's whole life through the controller: the real registry, the real inputs, hooks and probes, a fake engine. */
import { expect } from 'chai';
import type { TaskServices, TaskVolumes } from '../../../controllers/task/services.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import type { FakeCommand } from '../../../runtime/fake/process.ts';
import { configMaps, events, tasks } from '../../../schemas/kinds.ts';
import { openRig, type Rig } from '../../agent/rig.ts';

const KEY = { namespace: 'default', name: 'web' };

/** What was asked of the services, and how they answer. */
class Double {
  readonly asked: string[] = [];
  prepare: () => Promise<void> = () => Promise.resolve();
  keep: () => Promise<void> = () => Promise.resolve();

  adapt(services: TaskServices): TaskServices {
    const note = (what: string): void => void this.asked.push(what);
    const volumes: TaskVolumes = {
      prepare: async (task) => {
        note(`prepare ${task.metadata.name}`);
        await this.prepare();
        return [];
      },
      refresh: (_task, files) => {
        const [volume] = files.values();
        note(`refresh ${Buffer.from(volume?.files[0]?.data ?? []).toString()}`);
        return Promise.resolve();
      },
      release: () => {
        note('release');
        return Promise.resolve();
      },
      sweep: () => Promise.resolve(),
    };
    const archive: TaskServices['archive'] = {
      keep: async ({ attempt, taskKey }, end) => {
        note(`keep ${taskKey} ${attempt} ${end?.reason ?? 'unknown'}`);
        await this.keep();
      },
    };
    return { ...services, volumes, archive };
  }
}

describe('task controller, a whole life', () => {
  let rig: Rig;
  let double: Double;
  /** What commands in containers came to, in order. */
  let ran: string[];
  let isWell: boolean;
  beforeEach(async () => {
    double = new Double();
    ran = [];
    isWell = true;
    const commands: Record<string, FakeCommand> = {
      hook: ({ command }) => {
        ran.push(command.slice(1).join(' '));
        return Promise.resolve(command[1] === 'fails' ? 3 : 0);
      },
      well: () => Promise.resolve(isWell ? 0 : 1),
    };
    rig = await openRig({ commands }, (services) => double.adapt(services));
  });
  afterEach(() => rig.close());

  const configMap = (data: Record<string, string>, name = 'conf') => ({
    apiVersion: 'v1' as const,
    kind: 'ConfigMap' as const,
    metadata: { namespace: 'default', name },
    data,
  });
  const status = async () => (await rig.read('web'))?.status;
  const untilReason = (reason: string): Promise<void> =>
    rig.world.until(reason, async () => (await status())?.reason === reason);
  const ready = async () => findCondition((await status())?.conditions, 'Ready');
  const untilReady = (reason: string): Promise<void> =>
    rig.world.until(`Ready says ${reason}`, async () => (await ready())?.reason === reason);
  const untilEvent = (reason: string): Promise<void> =>
    rig.world.until(`event ${reason}`, async () => (await rig.eventReasons('web')).includes(reason));

  it('waits for a missing ConfigMap without a spin, and starts as soon as it is there', async () => {
    await rig.apply('web', { envFrom: [{ configMapRef: { name: 'conf' } }] });
    await untilReason('CreateContainerConfigError');
    expect((await status())?.message).to.include('conf');
    const { resourceVersion } = (await rig.read('web'))?.metadata ?? {};
    await rig.world.advance(120_000);
    expect((await rig.read('web'))?.metadata.resourceVersion, 'nothing is written meanwhile').to.equal(
      resourceVersion,
    );
    const beforeMs = rig.world.clock.monotonicMs();
    await rig.world.admin.create(configMaps, configMap({ COLOUR: 'blue' }));
    await rig.untilPhase('web', 'Running');
    expect(rig.world.clock.monotonicMs() - beforeMs).to.be.at.most(1_000);
    const [made] = rig.runtime.engine.containers();
    expect(made?.spec.env).to.include('COLOUR=blue');
  });

  it('brings volumes up to date under a running container, and restarts nothing', async () => {
    await rig.world.admin.create(configMaps, configMap({ colour: 'blue' }));
    await rig.apply('web', {
      volumes: [{ name: 'conf', configMap: { name: 'conf' } }],
      volumeMounts: [{ name: 'conf', mountPath: '/conf' }],
    });
    await rig.untilPhase('web', 'Running');
    await rig.world.advance(30_000);
    expect(double.asked).to.deep.equal(['prepare web']);
    const [before] = rig.running('web');
    const patch = { type: 'merge' as const, body: { data: { colour: 'red' } } };
    await rig.world.admin.patch(configMaps, { namespace: 'default', name: 'conf' }, patch);
    await rig.world.until('it is refreshed', () => double.asked.includes('refresh red'));
    await rig.world.advance(30_000);
    expect(double.asked).to.deep.equal(['prepare web', 'refresh red']);
    expect(rig.running('web').map(({ id }) => id)).to.deep.equal([before?.id]);
  });

  it('says that a volume cannot be had, and goes on trying', async () => {
    double.prepare = () => Promise.reject(new RuntimeError('InvalidSpec', 'hostPath "/nowhere": not there'));
    await rig.apply('web');
    await untilReason('CreateContainerConfigError');
    expect((await status())?.message).to.include('/nowhere');
    double.prepare = () => Promise.reject(new RuntimeError('Failed', 'no space left on device'));
    await untilReason('CreateContainerError');
    expect(rig.runtime.mutations.map(({ operation }) => operation)).to.not.include('create');
    double.prepare = () => Promise.resolve();
    await rig.untilPhase('web', 'Running');
  });

  it('is ready only after postStart, which is run once', async () => {
    const lifecycle = { postStart: { sleep: { seconds: 5 } } };
    await rig.apply('web', { lifecycle });
    await rig.untilPhase('web', 'Running');
    expect(await ready()).to.include({ status: 'False', reason: 'PostStartRunning' });
    expect((await status())?.container?.started).to.equal(false);
    await untilReady('ContainerRunning');
    expect((await status())?.container?.started).to.equal(true);
    await rig.edit('web', (spec) => ({ ...spec, lifecycle: { postStart: hook('again') } }));
    await rig.restart();
    await rig.world.advance(30_000);
    expect(ran).to.deep.equal([]);
  });

  const hook = (...words: readonly string[]) => ({ exec: { command: ['hook', ...words] } });

  it('runs postStart of a container whose start went well and was never answered', async () => {
    let isLost = false;
    rig.runtime.hooks = {
      after: ({ operation }) => {
        if (operation !== 'start' || isLost) return;
        isLost = true;
        throw new RuntimeError('Unavailable', 'start got no answer within 60 s; it may have happened');
      },
    };
    await rig.apply('web', { lifecycle: { postStart: hook('greets') } });
    await untilReady('ContainerRunning');
    expect(isLost).to.equal(true);
    expect(ran).to.deep.equal(['greets']);
    expect((await rig.read('web'))?.status?.attempts).to.equal(1);
  });

  it('stops a container whose postStart failed, and tells with which words', async () => {
    await rig.apply('web', { lifecycle: { postStart: hook('fails') }, restartPolicy: 'Never' });
    const task = await rig.untilPhase('web', 'Failed');
    expect(task.status?.history?.[0]).to.include({ reason: 'Error' });
    expect(task.status?.history?.[0]?.message).to.match(/^postStart hook failed: .*3/);
    await untilEvent('FailedPostStartHook');
    expect(ran).to.deep.equal(['fails']);
  });

  it('runs preStop before the stop signal, within the grace period', async () => {
    await rig.apply('web', {
      lifecycle: { preStop: { exec: { command: ['sleep'] } } },
      terminationGracePeriodSeconds: 5,
    });
    await rig.untilPhase('web', 'Running');
    const beforeMs = rig.world.clock.monotonicMs();
    await rig.world.admin.delete(tasks, KEY);
    await rig.world.until('it has ended', () => rig.running('web').length === 0);
    expect(rig.world.clock.monotonicMs() - beforeMs).to.be.within(5_000, 5_200);
    await rig.world.until('it is gone', async () => (await rig.read('web')) === undefined);
    expect(double.asked.slice(-2)).to.deep.equal(['keep default/web 1 Stopped', 'release']);
  });

  it('stops all the same when preStop fails, and tells so', async () => {
    await rig.apply('web', { lifecycle: { preStop: hook('fails') } });
    await rig.untilPhase('web', 'Running');
    await rig.edit('web', (spec) => ({ ...spec, desiredState: 'Stopped' }));
    await rig.untilPhase('web', 'Stopped');
    await untilEvent('FailedPreStopHook');
    expect(ran).to.deep.equal(['fails']);
  });

  it('asks whether it is ready and alive, and restarts what is not', async () => {
    const probe = { exec: { command: ['well'] }, periodSeconds: 1, failureThreshold: 2 };
    await rig.apply('web', { livenessProbe: probe, readinessProbe: { ...probe, failureThreshold: 1 } });
    await untilReady('ContainerRunning');
    const [first] = rig.running('web');
    isWell = false;
    await untilReady('ReadinessProbeFailed');
    await rig.world.until('another runs', () => {
      const [now] = rig.running('web');
      return now !== undefined && now.id !== first?.id;
    });
    isWell = true;
    await untilReady('ContainerRunning');
    expect((await status())?.history?.[0]).to.include({ attempt: 1, reason: 'LivenessFailed' });
    await untilEvent('Unhealthy');
    const told = await rig.world.admin.list(events, { fieldSelector: 'involvedObject.name=web' });
    const killing = told.items.find(({ reason }) => reason === 'Killing');
    expect(killing?.message).to.equal('Container web failed liveness probe, will be restarted');
  });

  it('stays ready over a restart of the agent', async () => {
    const probe = { exec: { command: ['well'] }, periodSeconds: 5, initialDelaySeconds: 5 };
    await rig.apply('web', { readinessProbe: probe });
    await untilReady('ContainerRunning');
    await rig.world.advance(10_000);
    const { resourceVersion } = (await rig.read('web'))?.metadata ?? {};
    await rig.restart();
    await rig.world.advance(30_000);
    expect((await rig.read('web'))?.metadata.resourceVersion).to.equal(resourceVersion);
  });

  it('ends a Task that has had its time, to the second, whatever the wall clock does', async () => {
    await rig.apply('web', { activeDeadlineSeconds: 300 });
    await rig.untilPhase('web', 'Running');
    const beforeMs = rig.world.clock.monotonicMs();
    await rig.world.advance(1_000);
    rig.world.clock.jumpWall(3_600_000);
    await rig.world.advance(200_000);
    expect(rig.running('web')).to.have.length(1);
    rig.world.clock.jumpWall(-7_200_000);
    await rig.world.until('it is over', async () => (await status())?.phase === 'Failed', 200_000);
    expect(rig.world.clock.monotonicMs() - beforeMs).to.be.within(300_000, 301_000);
    expect(await status()).to.include({ reason: 'DeadlineExceeded' });
    await rig.world.advance(60_000);
    expect(rig.running('web')).to.deep.equal([]);
  });

  it('goes on restarting at its pace when the wall clock is set back an hour', async () => {
    await rig.apply('web', { image: 'crash:1', backoff: { initialSeconds: 2, maxSeconds: 4 } });
    await untilReason('CrashLoopBackOff');
    rig.world.clock.jumpWall(-3_600_000);
    const { attempts = 0 } = (await status()) ?? {};
    await rig.world.advance(20_000);
    expect((await status())?.attempts).to.be.within(attempts + 3, attempts + 8);
  });

  it('keeps the last lines of what ended', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    const id = rig.running('web')[0]?.id ?? '';
    rig.runtime.engine.write(id, 'stdout', `${'x'.repeat(80)}\n`.repeat(100));
    rig.runtime.engine.write(id, 'stderr', 'the last words\n');
    rig.runtime.engine.exit(id, 9);
    await rig.world.until('it is written down', async () => (await status())?.history?.length === 1);
    const output = (await status())?.history?.[0]?.output ?? '';
    expect(output.endsWith('\nthe last words')).to.equal(true);
    expect(output.length).to.be.within(1_900, 2_048);
    expect(output.startsWith('x'.repeat(80)), 'whole lines').to.equal(true);
  });

  it('starts the next one though the log of the last does not come', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    rig.runtime.hooks = {
      before: ({ operation }) => (operation === 'logs' ? new Promise(() => undefined) : Promise.resolve()),
    };
    rig.runtime.engine.kill(rig.running('web')[0]?.id ?? '');
    const beforeMs = rig.world.clock.monotonicMs();
    await rig.world.until('another runs', () => rig.running('web').length === 1);
    expect(rig.world.clock.monotonicMs() - beforeMs).to.be.below(100);
    await rig.world.until('it is written down', async () => (await status())?.history?.length === 1);
    expect(rig.world.clock.monotonicMs() - beforeMs).to.be.below(2_500);
  });

  it('keeps the log of what it removes; one that cannot be kept is told of and removed', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    for (const _ of [1, 2]) {
      const before = rig.running('web')[0]?.id ?? '';
      rig.runtime.engine.kill(before);
      await rig.world.until('another runs', () => rig.running('web').some(({ id }) => id !== before));
      await rig.world.advance(15_000);
    }
    expect(double.asked).to.include('keep default/web 1 Error');
    double.keep = () => Promise.reject(new Error('no space left on device'));
    await rig.world.admin.delete(tasks, KEY);
    await rig.world.until('it is gone', async () => (await rig.read('web')) === undefined);
    await untilEvent('LogsNotKept');
    expect(rig.containers('web')).to.deep.equal([]);
  });

  it('keeps the logs of many Tasks that go at once, and nobody else waits for that', async () => {
    const names = Array.from({ length: 24 }, (_, at) => `many-${at}`);
    for (const name of names) await rig.apply(name);
    for (const name of names) await rig.untilPhase(name, 'Running');
    const release = Promise.withResolvers<void>();
    let atOnce = 0;
    double.keep = async () => {
      atOnce++;
      await release.promise;
    };
    for (const name of names) await rig.world.admin.delete(tasks, { namespace: 'default', name });
    await rig.world.until('logs are being kept', () => atOnce > 0);
    await rig.apply('other');
    await rig.untilPhase('other', 'Running');
    expect(atOnce).to.be.at.most(2);
    // While a log is being kept its container and its Task stay.
    expect(await rig.read('many-0')).to.not.equal(undefined);
    expect(rig.containers('many-0')).to.have.lengthOf(1);
    release.resolve();
    for (const name of names) {
      await rig.world.until(`${name} is gone`, async () => (await rig.read(name)) === undefined);
      expect(rig.containers(name)).to.deep.equal([]);
    }
    expect(atOnce).to.equal(names.length);
  });

  it('tells that the engine refuses less memory, and asks again only after a while', async () => {
    await rig.apply('web', { resources: { limits: { memory: '64Mi' } } });
    await rig.untilPhase('web', 'Running');
    let refusals = 0;
    rig.runtime.hooks = {
      before: ({ operation }) => {
        if (operation !== 'update') return;
        refusals++;
        throw new RuntimeError('Failed', 'unable to set memory limit to 33554432 (current usage: 50000000)');
      },
    };
    await rig.edit('web', (spec) => ({ ...spec, resources: { limits: { memory: '32Mi' } } }));
    await untilReason('ResizeRefused');
    await rig.world.advance(65_000);
    expect(refusals).to.be.within(2, 4);
    expect(await status()).to.include({ phase: 'Running' });
    expect((await status())?.message).to.include('unable to set memory limit');
    await untilEvent('Failed');
    rig.runtime.hooks = {};
    await rig.world.until('32Mi', () => rig.running('web')[0]?.resources.memoryBytes === 2 ** 25, 90_000);
    await rig.world.until('nothing is wrong any more', async () => (await status())?.reason === undefined);
  });

  it('starts nothing as root where that is forbidden, and nothing without its seccomp profile', async () => {
    await rig.apply('web', { securityContext: { runAsNonRoot: true } });
    await untilReason('CreateContainerConfigError');
    expect((await status())?.message).to.include('container has runAsNonRoot and image will run as root');
    await rig.edit('web', (spec) => ({
      ...spec,
      securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'strict.json' } },
    }));
    await rig.world.until('another reason', async () =>
      ((await status())?.message ?? '').includes('seccomp profile "strict.json"'),
    );
    expect(rig.containers('web')).to.deep.equal([]);
  });
});
