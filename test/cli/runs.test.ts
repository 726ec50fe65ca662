/** `gantry dispatch`, `trigger`, `rerun` and `cancel`; what the controllers would write is written by hand. */
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import { clusterRoleBindings, clusterRoles, jobs, runs, taskTemplates } from '../../schemas/kinds.ts';
import type { Run } from '../../schemas/types.gen.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';
import type { Ran } from './terminal.ts';

const certificates = new Certificates();
const at = (second: number): string => `2026-01-01T00:00:0${second}Z`;

describe('gantry runs', () => {
  let here: CommandWorld;

  beforeEach(async () => {
    here = await CommandWorld.open(certificates);
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
  /** Runs a line that waits, and reports each status in turn, the next one whenever something new was printed. */
  const reporting = async (
    line: string,
    states: Record<string, unknown>[],
  ): Promise<Ran & { name: string }> => {
    let name = '';
    const written: Promise<unknown>[] = [];
    const ran = await here.gantry(line, {
      clock: systemClock,
      onOutput: (out) => {
        name = named(out);
        const next = states.shift();
        if (next !== undefined) written.push(here.report(runs, name, next));
      },
    });
    await Promise.all(written);
    return { ...ran, name };
  };

  describe('dispatch', () => {
    it('takes parameters as words, typed by the template, and flags over them', async () => {
      await here.ok(['dispatch', 'fib', 'position=3', 'note=a=b']);
      expect((await only()).spec.parameters).to.deep.equal({ position: 3, note: 'a=b' });
      expect(await here.refused('dispatch fib position=3 -p position=4')).to.match(/given twice/);
      expect(await here.refused('dispatch fib 3')).to.match(/^gantry: /);
    });

    it('says that a repeated key made nothing new', async () => {
      const line = 'dispatch fib position=3 --idempotency-key order-1';
      const name = named(await here.ok(line));
      expect(await here.ok(line)).to.equal(
        `run.gantry.dev/${name} was created before, with the same idempotency key\n`,
      );
    });

    it('makes a Run whose values have the types of the template', async () => {
      const out = await here.ok(['dispatch', 'fib', '-p', 'position=3', '-p', 'note=4', '--priority', '-5']);
      const run = await only();
      expect(out).to.equal(`run.gantry.dev/${run.metadata.name} created\n`);
      expect(run.metadata.name).to.match(/^fib-[a-z0-9]{5}$/);
      const { templateRef, parameters, priority, trigger } = run.spec;
      expect({ templateRef, parameters, priority, trigger }).to.deep.equal({
        templateRef: { name: 'fib' },
        parameters: { position: 3, note: '4' },
        priority: -5,
        trigger: 'Manual',
      });
    });

    it('takes JSON, and every name of the template', async () => {
      for (const words of ['fib', 'tasktemplate/fib', 'gtt/fib', 'tasktemplate fib']) {
        await here.ok([...`dispatch ${words} --parameters`.split(' '), '{"position": 5}']);
      }
      expect((await here.world.admin.list(runs)).items.map(({ spec }) => spec.parameters)).to.deep.equal(
        Array.from({ length: 4 }, () => ({ position: 5 })),
      );
    });

    it("says of each parameter what is wrong with it, in the server's words", async () => {
      const said = await here.refused('dispatch fib -p position=many -p other=1');
      const lines = said.split('\n').toSorted();
      expect(lines).to.have.length(3);
      expect(lines[1]).to.match(/^gantry: parameter "other": Forbidden: /);
      expect(lines[2]).to.match(/^gantry: parameter "position": Invalid value: "many": /);
      expect((await here.world.admin.list(runs)).items).to.deep.equal([]);
    });

    const mistakes: [string, RegExp][] = [
      ['dispatch nope -p a=1', /tasktemplates\.gantry\.dev "nope" not found/],
      ['dispatch fib -p position', /^gantry: -p: found "position", wanted NAME=VALUE/],
      ['dispatch fib --priority high', /^gantry: --priority: found "high", wanted a whole number/],
      ['dispatch fib --timeout 5s', /^gantry: --timeout is how long to wait: give --wait/],
      ['dispatch fib --wait --timeout soon', /^gantry: --timeout: found "soon", wanted a duration/],
      ['dispatch job/etl', /^gantry: this is for a TaskTemplate: found "job\/etl", which names a Job/],
      ['dispatch', /missing required argument 'template'/],
    ];
    for (const [line, wanted] of mistakes) {
      it(`refuses: ${line}`, async () => {
        expect(await here.refused(line)).to.match(wanted);
        expect((await here.world.admin.list(runs)).items).to.deep.equal([]);
      });
    }

    it('waits, and says how it ended', async () => {
      const { code, out, err, name } = await reporting('dispatch fib -p position=3 --wait', [
        { state: 'running', startedAt: at(1) },
        { state: 'completed', startedAt: at(1), finishedAt: at(2) },
      ]);
      expect([code, err]).to.deep.equal([0, '']);
      // Whether it was seen pending is a matter of who is quicker.
      expect(out.replace(`run.gantry.dev/${name} pending\n`, '')).to.equal(
        `run.gantry.dev/${name} created\nrun.gantry.dev/${name} running\nrun.gantry.dev/${name} completed\n`,
      );
    });

    it('fails when the time is up, and leaves the Run at work', async () => {
      const said = await here.refused('dispatch fib -p position=3 --wait --timeout=50ms', {
        clock: systemClock,
      });
      const { metadata } = await only();
      expect(said).to.equal(
        `gantry: timed out after 0.05 s: run "${metadata.name}" is pending; it goes on: gantry describe run/${metadata.name}\n`,
      );
    });

    it('ends as an interrupted command does, and leaves the Run at work', async () => {
      const stop = new AbortController();
      const interrupted = await here.gantry('dispatch fib -p position=3 --wait', {
        clock: systemClock,
        signal: stop.signal,
        onOutput: (out) => {
          if (out.endsWith('pending\n')) stop.abort();
        },
      });
      expect([interrupted.code, interrupted.err]).to.deep.equal([130, '']);
      expect((await only()).spec.cancel).to.equal(undefined);
    });

    it('is told what to do where types may not be read', async () => {
      await here.create(clusterRoles, 'caller', {
        rules: [{ apiGroups: ['gantry.dev'], resources: ['runs'], verbs: ['create'] }],
      });
      await here.create(clusterRoleBindings, 'caller', {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'caller' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
      });
      await here.logIn(certificates, { name: 'ann', groups: [] });
      expect(await here.refused('dispatch fib -p position=3')).to.match(
        /^gantry: the types of -p are those of tasktemplate "fib", which you may not read: give --parameters with JSON/,
      );
      await here.ok(['dispatch', 'fib', '--parameters', '{"position":3}']);
    });
  });

  describe('trigger', () => {
    it('makes a Run of a Job', async () => {
      const out = await here.ok('trigger etl -p limit=3 -p day=7');
      const run = await only();
      expect(out).to.equal(`run.gantry.dev/${run.metadata.name} created\n`);
      expect(run.metadata.name).to.match(/^etl-[a-z0-9]{5}$/);
      expect([run.spec.jobRef, run.spec.trigger]).to.deep.equal([{ name: 'etl' }, 'Manual']);
      expect(run.spec.parameters).to.deep.equal({ day: '7', limit: 3 });
    });

    it('tells each step, and which one failed and why', async () => {
      const { code, out, err, name } = await reporting('trigger job/etl --wait', [
        { state: 'running', startedAt: at(1), tasks: [{ name: 'fetch', state: 'running', attempts: 1 }] },
        {
          state: 'running',
          tasks: [
            {
              name: 'fetch',
              state: 'pending',
              attempts: 1,
              reason: 'Error',
              message: 'exit code 3',
              retryAt: at(5),
            },
          ],
        },
        {
          state: 'failed',
          finishedAt: at(9),
          reason: 'BackoffLimitExceeded',
          message: 'step "fetch" failed 2 times',
          tasks: [
            {
              name: 'fetch',
              state: 'failed',
              attempts: 2,
              exitCode: 3,
              reason: 'Error',
              taskName: 'etl-fetch-2',
              finishedAt: at(9),
            },
            { name: 'load', state: 'skipped', reason: 'DependencyNotSatisfied' },
          ],
        },
      ]);
      expect(code).to.equal(1);
      const run = `run.gantry.dev/${name}`;
      const lines = out.split('\n').filter((line) => line !== `${run} pending`);
      expect(lines).to.deep.equal([
        `${run} created`,
        `${run} running`,
        `${run} step fetch running`,
        `${run} step fetch pending: Error: exit code 3; tried again at ${at(5)}`,
        `${run} step fetch failed (attempt 2): Error`,
        `${run} step load skipped: DependencyNotSatisfied`,
        `${run} failed`,
        '',
      ]);
      expect(err).to.equal(
        `gantry: run "${name}" failed: BackoffLimitExceeded: step "fetch" failed 2 times\n` +
          `gantry: step "fetch" failed with exit code 3: Error\n` +
          `gantry: what was written: gantry logs run/${name}\n`,
      );
    });

    it('fails when the Run is cancelled or deleted meanwhile', async () => {
      const cancelled = await reporting('trigger etl --wait', [
        { state: 'cancelled', finishedAt: at(1), reason: 'Cancelled', message: 'spec.cancel is true' },
      ]);
      expect([cancelled.code, cancelled.err]).to.deep.equal([
        1,
        `gantry: run "${cancelled.name}" cancelled: Cancelled: spec.cancel is true\n`,
      ]);
      let deleting: Promise<unknown> = Promise.resolve();
      const deleted = await here.gantry('trigger etl --wait', {
        clock: systemClock,
        onOutput: (out) => {
          if (out.endsWith('pending\n'))
            deleting = here.world.admin.delete(runs, { namespace: 'default', name: named(out) });
        },
      });
      await deleting;
      expect([deleted.code, deleted.err]).to.deep.equal([
        1,
        `gantry: run "${named(deleted.out)}" was deleted while it was pending\n`,
      ]);
    });
  });

  describe('rerun', () => {
    const ended = async (status: Record<string, unknown> = {}): Promise<string> => {
      const name = named(await here.ok('trigger etl -p day=7 --priority 3'));
      await here.report(runs, name, {
        state: 'failed',
        finishedAt: at(9),
        tasks: [
          { name: 'fetch', state: 'completed' },
          { name: 'load', state: 'failed' },
        ],
        ...status,
      });
      return name;
    };

    it('runs the same again, from a step and with other parameters', async () => {
      const name = await ended();
      const again = named(await here.ok(`rerun run/${name} --from load -p limit=4`));
      const { jobRef, trigger, rerunOf, parameters, priority } = (await here.get(runs, again)).spec;
      expect({ jobRef, trigger, rerunOf, parameters, priority }).to.deep.equal({
        jobRef: { name: 'etl' },
        trigger: 'Rerun',
        rerunOf: { name, fromTask: 'load' },
        parameters: { day: '7', limit: 4 },
        priority: 3,
      });
    });

    it('does so for one of a template too', async () => {
      const name = named(await here.ok('dispatch fib -p position=3'));
      await here.report(runs, name, { state: 'completed', finishedAt: at(2) });
      const again = named(await here.ok(`rerun ${name} -p position=4`));
      const { templateRef, rerunOf, parameters } = (await here.get(runs, again)).spec;
      expect({ templateRef, rerunOf, parameters }).to.deep.equal({
        templateRef: { name: 'fib' },
        rerunOf: { name },
        parameters: { position: 4 },
      });
      expect(await here.refused(`rerun ${name} --from fib`)).to.match(
        /has one step only, that of its template/,
      );
    });

    it('refuses a step that is none, and a Run that still goes', async () => {
      const name = await ended();
      expect(await here.refused(`rerun ${name} --from laod`)).to.equal(
        `gantry: --from: run "${name}" has no step "laod"; its steps are fetch, load\n`,
      );
      const going = named(await here.ok('trigger etl'));
      expect(await here.refused(`rerun ${going}`)).to.equal(
        `gantry: run "${going}" is still pending: wait for its end, or end it with gantry cancel ${going}\n`,
      );
      expect(await here.refused('rerun nope')).to.match(/runs\.gantry\.dev "nope" not found/);
    });
  });

  it('cancels Runs, and says of each why not', async () => {
    const [a, b] = [named(await here.ok('trigger etl')), named(await here.ok('trigger etl'))];
    await here.report(runs, b, { state: 'completed', finishedAt: at(1) });
    const { code, out, err } = await here.gantry(`cancel run/${b} run/${a}`);
    expect([code, out, err]).to.deep.equal([
      1,
      `run.gantry.dev/${a} cancelled\n`,
      `gantry: run "${b}" has ended already (completed): there is nothing to cancel\n`,
    ]);
    expect((await here.get(runs, a)).spec.cancel).to.equal(true);
    expect(await here.ok(`cancel ${a}`)).to.equal(`run.gantry.dev/${a} is being cancelled already\n`);
    const several = await here.gantry(`cancel gone ${b}`);
    expect([several.code, several.out, several.err]).to.deep.equal([
      1,
      '',
      `Error from server (NotFound): runs.gantry.dev "gone" not found\ngantry: run "${b}" has ended already (completed): there is nothing to cancel\n`,
    ]);
  });
});
