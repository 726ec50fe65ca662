/** Logs of Runs and TaskSets, and what `describe` tells of workloads; what the controllers would write is written by hand. */
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import { LABEL_RUN, LABEL_STEP, LABEL_TASKSET } from '../../machinery/labels.ts';
import type { WorkerLink } from '../../machinery/workerlink.ts';
import { jobs, runs, taskSets, tasks, taskTemplates } from '../../schemas/kinds.ts';
import type { Run } from '../../schemas/types.gen.ts';
import { noWorkers } from '../api/server/harness.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();
const at = (second: number): string => `2026-01-01T00:00:0${second}Z`;

describe('gantry on workloads', () => {
  let here: CommandWorld;

  const workerLink: WorkerLink = {
    ...noWorkers,
    async logs(_worker, task) {
      return (async function* () {
        yield Buffer.from(`${task.name} one\n${task.name} t`);
        yield Buffer.from('wo');
      })();
    },
  };

  beforeEach(async () => {
    here = await CommandWorld.open(certificates, workerLink);
    await here.create(taskTemplates, 'fib', {
      spec: {
        parameters: {
          type: 'object',
          properties: { position: { type: 'integer', minimum: 0 }, note: { type: 'string' } },
          required: ['position'],
          additionalProperties: false,
        },
        template: { spec: { image: 'gantry/work:1', args: ['fib', '$(parameters.position)'] } },
      },
    });
    await here.create(jobs, 'etl', {
      spec: {
        parameters: [{ name: 'day' }, { name: 'limit', type: 'integer', default: 10 }],
        tasks: [
          { name: 'fetch', template: { spec: { image: 'i' } } },
          { name: 'load', template: { spec: { image: 'i' } }, dependsOn: ['fetch'] },
        ],
      },
    });
  });
  afterEach(() => here.close());
  after(() => certificates.remove());

  const only = async (): Promise<Run> => {
    const { items } = await here.world.admin.list(runs, { namespace: 'default' });
    const [run] = items;
    if (run === undefined || items.length !== 1) throw new Error(`found ${items.length} runs, wanted one`);
    return run;
  };
  const named = (out: string): string => /run\.gantry\.dev\/(\S+) created/.exec(out)?.[1] ?? '';
  describe('logs', () => {
    /** A Task that has run on a worker, controlled by its owner. */
    const ran = async (
      name: string,
      owner: { kind: string; metadata: { name: string; uid?: string } },
      labels: Record<string, string>,
      status: Record<string, unknown> = {},
    ): Promise<void> => {
      const { uid } = owner.metadata;
      await here.create(tasks, name, {
        metadata: {
          labels,
          ownerReferences: [
            {
              apiVersion: 'gantry.dev/v1',
              kind: owner.kind,
              name: owner.metadata.name,
              uid,
              controller: true,
            },
          ],
        },
        spec: { image: 'i' },
      });
      await here.world.admin.post(tasks, { namespace: 'default', name }, 'binding', {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: { name, namespace: 'default' },
        target: { name: 'alpha' },
        epoch: 1,
      });
      await here.report(tasks, name, {
        phase: 'Running',
        container: { id: 'c', name: 'c', image: 'i', state: 'running', startedAt: at(1) },
        ...status,
      });
      here.world.clock.advance(1000);
    };

    beforeEach(async () => {
      await here.world.addWorker('alpha');
    });

    it('prints those of a Run, step by step and try by try', async () => {
      const name = named(await here.ok('trigger etl'));
      const run = await here.get(runs, name);
      expect(await here.refused(`logs run/${name}`)).to.equal(
        `gantry: run "${name}" has no tasks whose logs could be read: it is pending\n`,
      );
      const of = (step: string): Record<string, string> => ({ [LABEL_RUN]: name, [LABEL_STEP]: step });
      await ran('load-1', run, of('load'));
      await ran('fetch-1', run, of('fetch'));
      await ran('fetch-2', run, of('fetch'));
      // Of another Run of that name, which is gone.
      await ran('foreign', { ...run, metadata: { name, uid: 'another' } }, of('fetch'));
      await here.report(runs, name, {
        state: 'failed',
        finishedAt: at(9),
        tasks: [
          { name: 'fetch', state: 'completed', taskName: 'fetch-2' },
          { name: 'load', state: 'failed', taskName: 'load-1' },
        ],
      });
      const fetched =
        '[fetch] fetch-1 one\n[fetch] fetch-1 two\n[fetch 2] fetch-2 one\n[fetch 2] fetch-2 two\n';
      const loaded = '[load] load-1 one\n[load] load-1 two\n';
      expect(await here.ok(`logs run/${name}`)).to.equal(fetched + loaded);
      expect(await here.ok(`logs run/${name} --step load`)).to.equal(loaded);
      expect(await here.ok(`logs run/${name} --step load -f`)).to.equal(loaded);
      expect(await here.refused(`logs run/${name} --step lod`)).to.match(
        /has no step "lod"; its steps are fetch, load/,
      );
    });

    it('follows a Run until it has ended, with the Tasks that come', async () => {
      const name = named(await here.ok('trigger etl'));
      const run = await here.get(runs, name);
      await ran('fetch-1', run, { [LABEL_RUN]: name, [LABEL_STEP]: 'fetch' });
      const going = async (...steps: [string, string][]): Promise<void> => {
        const told = steps.map(([step, taskName]) => ({ name: step, state: 'running', taskName }));
        await here.report(runs, name, { state: 'running', tasks: told });
      };
      await going(['fetch', 'fetch-1']);
      let next: Promise<unknown> | undefined;
      const out = await here.ok(`logs -f run/${name}`, {
        clock: systemClock,
        onOutput: (text) => {
          if (!text.includes('[fetch] fetch-1 two')) return;
          next ??= (async () => {
            await ran('load-1', run, { [LABEL_RUN]: name, [LABEL_STEP]: 'load' });
            await going(['fetch', 'fetch-1'], ['load', 'load-1']);
            await here.report(runs, name, { state: 'completed', finishedAt: at(9) });
          })();
        },
      });
      await next;
      expect(out).to.equal(
        '[fetch] fetch-1 one\n[fetch] fetch-1 two\n[load] load-1 one\n[load] load-1 two\n',
      );
    });

    it('prints only what it writes with dispatch --tail; the rest is beside it', async () => {
      const stop = new AbortController();
      const working = (async () => {
        for await (const change of here.world.admin.watch(runs, { signal: stop.signal })) {
          if (change.type !== 'ADDED') continue;
          const { name } = change.object.metadata;
          await ran('fib-task', change.object, { [LABEL_RUN]: name, [LABEL_STEP]: 'fib' });
          const told = [{ name: 'fib', state: 'completed', taskName: 'fib-task' }];
          await here.report(runs, name, { state: 'completed', finishedAt: at(3), tasks: told });
        }
      })();
      const ranIt = await here.gantry('dispatch fib -p position=3 --tail', { clock: systemClock });
      stop.abort();
      await working;
      const { name } = (await only()).metadata;
      expect([ranIt.code, ranIt.out]).to.deep.equal([0, 'fib-task one\nfib-task two']);
      expect(ranIt.err).to.match(new RegExp(`^run\\.gantry\\.dev/${name} created\n[^]*completed\n$`));
    });

    it('prints those of one of the Tasks of a TaskSet, and says which, or of all', async () => {
      const set = await here.create(taskSets, 'web', {
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } }, spec: { image: 'i' } },
        },
      });
      expect(await here.refused('logs taskset/web')).to.match(/taskset "web" has no tasks/);
      const ready = { type: 'Ready', status: 'True', reason: 'R', message: '', lastTransitionTime: at(1) };
      await ran('web-a', set, { [LABEL_TASKSET]: 'web' });
      await ran('web-b', set, { [LABEL_TASKSET]: 'web' }, { conditions: [ready] });
      const one = await here.gantry('logs taskset/web');
      expect(one).to.deep.equal({
        code: 0,
        out: 'web-b one\nweb-b two',
        err: 'Found 2 tasks, using task/web-b (--all shows those of all)\n',
      });
      expect(await here.ok('logs gts/web --all')).to.equal(
        '[web-a] web-a one\n[web-a] web-a two\n[web-b] web-b one\n[web-b] web-b two\n',
      );
    });

    it('refuses flags of others', async () => {
      expect(await here.refused('logs a --step x')).to.match(/--step is of a Run/);
      expect(await here.refused('logs run/a --all')).to.match(/--all is of a TaskSet/);
      expect(await here.refused('logs run/a --attempts')).to.match(/--attempts lists those of one Task/);
      expect(await here.refused('logs run/a -f --at -5m')).to.match(/the past does not change/);
    });
  });

  describe('describe', () => {
    it('tells the steps of a Run, and the Runs of a Job', async () => {
      const name = named(await here.ok('trigger etl'));
      await here.report(runs, name, {
        state: 'failed',
        reason: 'TaskFailed',
        startedAt: at(1),
        finishedAt: at(9),
        tasks: [
          {
            name: 'fetch',
            state: 'completed',
            attempts: 1,
            taskName: 'etl-fetch-1',
            startedAt: at(1),
            finishedAt: at(4),
            exitCode: 0,
            outputs: { rows: '17' },
          },
          {
            name: 'load',
            state: 'failed',
            attempts: 2,
            taskName: 'etl-load-2',
            exitCode: 3,
            reason: 'Error',
          },
        ],
      });
      const run = await here.ok(`describe run ${name}`);
      expect(run).to.match(
        /\nSteps:\n {2}Name +State +Attempts +Started +Took +Exit +Task +Why\n {2}fetch +completed +1 +.* ago +3s +0 +etl-fetch-1 +-\n {2}load +failed +2 +- +- +3 +etl-load-2 +Error\n/,
      );
      expect(run).to.match(/\nOutputs:\n {2}Step +Key +Value\n {2}fetch +rows +"17"\n/);
      expect(run.match(/etl-fetch-1/g), 'told once').to.have.length(1);
      expect(await here.ok('describe job etl')).to.match(
        new RegExp(
          `\nRuns:\n {2}Name +State +Trigger +Age +Took +Reason\n {2}${name} +failed +Manual +\\S+ +8s +TaskFailed\n`,
        ),
      );
    });

    it('tells the revisions of a TaskSet', async () => {
      await here.create(taskSets, 'web', {
        spec: {
          selector: { matchLabels: { a: 'b' } },
          template: { metadata: { labels: { a: 'b' } }, spec: { image: 'i' } },
        },
      });
      expect(await here.ok('describe taskset web')).to.match(/\nRevisions: <none>\n/);
    });
  });
});
