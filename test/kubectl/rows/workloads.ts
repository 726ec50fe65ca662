/** TaskSets, Jobs, Runs and TaskTemplates as objects: what kubectl shows, scales, dispatches and refuses. */
import { expect } from 'chai';
import { gantry, list } from '../manifests.ts';
import type { Group } from '../table.ts';

/** No worker has it: these rows are about objects and not about containers. */
const NOWHERE = { workerSelector: { 'example.com/nowhere': 'true' } };
const web = gantry('TaskSet', 'web', {
  replicas: 0,
  selector: { matchLabels: { app: 'web' } },
  template: { metadata: { labels: { app: 'web' } }, spec: { image: 'gantry/hello:1', ...NOWHERE } },
});
const nightly = gantry('Job', 'nightly', {
  schedule: '30 2 * * *',
  timeZone: 'Europe/Berlin',
  suspend: true,
  parameters: [{ name: 'day', default: 'mon' }],
  tasks: [
    {
      name: 'first',
      template: { spec: { image: 'gantry/hello:1', args: ['$(parameters.day)'], ...NOWHERE } },
    },
    { name: 'second', dependsOn: ['first'], templateRef: { name: 'fib' }, arguments: { position: 5 } },
  ],
});
const fib = gantry('TaskTemplate', 'fib', {
  description: 'A number of Fibonacci.',
  priority: 5,
  ...NOWHERE,
  parameters: {
    type: 'object',
    required: ['position'],
    properties: {
      position: { type: 'integer', minimum: 0 },
      mode: { enum: ['fast', 'slow'], default: 'fast' },
    },
  },
  template: { spec: { image: 'gantry/hello:1', args: ['$(parameters.position)'] } },
});
const dispatch = (position: unknown, key?: string): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Run',
    metadata: { generateName: 'fib-' },
    spec: {
      templateRef: { name: 'fib' },
      parameters: { position },
      ...(key === undefined ? {} : { idempotencyKey: key }),
    },
  });

export const workloads: Group = {
  name: 'tasksets, jobs, runs and tasktemplates',
  rows: [
    {
      name: 'apply: created, unchanged',
      async run(kubectl) {
        const all = list(fib, web, nightly);
        expect(await kubectl.ok(['apply', '-f', '-'], all)).to.equal(
          'tasktemplate.gantry.dev/fib created\ntaskset.gantry.dev/web created\njob.gantry.dev/nightly created\n',
        );
        // kubectl compares lists as wholes, and the server has put defaults into the steps; nothing is written all the same.
        const version = ['get', 'job', 'nightly', '-o', 'jsonpath={.spec} {.metadata.generation}'];
        const before = await kubectl.ok(version);
        expect(await kubectl.ok(['apply', '-f', '-'], all)).to.equal(
          'tasktemplate.gantry.dev/fib unchanged\ntaskset.gantry.dev/web unchanged\njob.gantry.dev/nightly configured\n',
        );
        expect(await kubectl.ok(version)).to.equal(before);
      },
    },
    {
      name: 'get, by short names too: their columns',
      async run(kubectl) {
        expect(await kubectl.ok(['get', 'gts'])).to.match(
          /^NAME +DESIRED +READY +UP-TO-DATE +AVAILABLE +AGE\nweb /,
        );
        expect(await kubectl.ok(['get', 'gj'])).to.match(
          /^NAME +SCHEDULE +SUSPEND +ACTIVE +LAST SCHEDULE +AGE\nnightly +30 2 \* \* \* +true /,
        );
        expect(await kubectl.ok(['get', 'gtt', '-o', 'wide'])).to.match(
          /^NAME +IMAGE +PRIORITY +AGE +DESCRIPTION\nfib +gantry\/hello:1 +5 +\S+ +A number of Fibonacci\.\n/,
        );
        expect(await kubectl.ok(['get', 'taskset,job,tasktemplate', '-o', 'name'])).to.equal(
          'taskset.gantry.dev/web\njob.gantry.dev/nightly\ntasktemplate.gantry.dev/fib\n',
        );
      },
    },
    {
      name: 'explain: down to a template',
      async run(kubectl) {
        const said = await kubectl.ok(['explain', 'taskset.spec.template.spec.env']);
        expect(said).to.match(/valueFrom\s+<(?:Object|object)>/);
        expect(await kubectl.ok(['explain', 'job.spec.tasks.dependsOn'])).to.match(
          /Steps that must have ended/,
        );
        expect(await kubectl.ok(['explain', 'run.spec.idempotencyKey'])).to.match(/a Conflict/);
      },
    },
    {
      name: 'scale, and the Scale itself',
      async run(kubectl) {
        expect(await kubectl.ok(['scale', 'taskset', 'web', '--replicas=2'])).to.equal(
          'taskset.gantry.dev/web scaled\n',
        );
        const path = `/apis/gantry.dev/v1/namespaces/${kubectl.namespace}/tasksets/web/scale`;
        const scale = JSON.parse(await kubectl.ok(['get', '--raw', path]));
        expect([scale.kind, scale.apiVersion, scale.spec]).to.deep.equal([
          'Scale',
          'autoscaling/v1',
          { replicas: 2 },
        ]);
        expect(
          await kubectl.fails(['scale', 'taskset', 'web', '--current-replicas=7', '--replicas=1']),
        ).to.match(/Expected replicas to be 7, was 2/);
        expect(await kubectl.fails(['scale', 'taskset', 'web', '--replicas=1001'])).to.match(
          /less than or equal to 1000/,
        );
        await kubectl.ok(['scale', 'taskset/web', '--current-replicas=2', '--replicas=0']);
      },
    },
    {
      name: 'patch of the Scale, as an autoscaler does it',
      from: 24,
      async run(kubectl) {
        const body = JSON.stringify({ spec: { replicas: 1 } });
        for (const type of ['merge', 'strategic']) {
          expect(
            await kubectl.ok([
              'patch',
              'taskset',
              'web',
              '--subresource=scale',
              `--type=${type}`,
              '-p',
              body,
            ]),
          ).to.match(/^(?:taskset\.gantry\.dev|scale\.autoscaling)\/web patched/);
        }
        expect(await kubectl.ok(['get', 'taskset', 'web', '-o', 'jsonpath={.spec.replicas}'])).to.equal('1');
        await kubectl.ok(['scale', 'taskset', 'web', '--replicas=0']);
      },
    },
    {
      name: 'create of a Run: parameters are checked and completed; it belongs to its Job',
      async run(kubectl) {
        expect(await kubectl.fails(['create', '-f', '-'], dispatch('ten'))).to.match(
          /spec\.parameters\.position: Invalid value: "ten": must be of type integer, found string/,
        );
        const name = (await kubectl.ok(['create', '-f', '-', '-o', 'name'], dispatch(10))).trim();
        expect(await kubectl.ok(['get', name, '-o', 'jsonpath={.spec.parameters}'])).to.equal(
          '{"mode":"fast","position":10}',
        );
        const run = gantry('Run', 'by-hand', { jobRef: { name: 'nightly' } });
        await kubectl.ok(['create', '-f', '-'], run);
        expect(
          await kubectl.ok([
            'get',
            'run',
            'by-hand',
            '-o',
            'jsonpath={.metadata.ownerReferences[0].kind} {.spec.parameters.day}',
          ]),
        ).to.equal('Job mon');
        expect(await kubectl.ok(['get', 'runs', '--field-selector', 'spec.jobRef.name=nightly'])).to.match(
          /^NAME +JOB +STATE +TRIGGER +STARTED +AGE\nby-hand +nightly +\S* +Manual /,
        );
        expect(
          await kubectl.fails(['create', '-f', '-'], gantry('Run', 'none', { jobRef: { name: 'none' } })),
        ).to.match(/spec\.jobRef\.name: Not found: "none"/);
        expect(
          await kubectl.fails(['patch', 'run', 'by-hand', '--type=merge', '-p', '{"spec":{"priority":3}}']),
        ).to.match(/spec\.priority: Invalid value: 3: field is immutable/);
        await kubectl.ok(['patch', 'run', 'by-hand', '--type=merge', '-p', '{"spec":{"cancel":true}}']);
      },
    },
    {
      name: 'create of a Run with an idempotency key, twice: one Run',
      async run(kubectl) {
        const create = ['create', '-f', '-', '-o', 'name'];
        const first = await kubectl.ok(create, dispatch(10, 'order-4711'));
        expect(await kubectl.ok(create, dispatch(10, 'order-4711'))).to.equal(first);
        expect(await kubectl.fails(create, dispatch(11, 'order-4711'))).to.match(
          /idempotency key "order-4711" was used \d+ s ago for run "fib-\w+", which asked for something else/,
        );
        expect(await kubectl.ok(['get', 'idempotencykeys'])).to.match(
          /^NAME +RUN +AGE\nrun-[0-9a-f]{40} +fib-/,
        );
      },
    },
    {
      name: 'a template beyond the namespace’s level is let pass with a warning',
      async run(kubectl) {
        const spec = { tasks: [{ name: 'a', template: { spec: { image: 'x', hostPID: true } } }] };
        const made = await kubectl.run(
          ['create', '--dry-run=server', '-f', '-'],
          gantry('Job', 'wide', spec),
        );
        expect([made.code, made.stderr]).to.deep.equal([
          0,
          `Warning: would violate level "baseline" of namespace "${kubectl.namespace}": spec.tasks[0].template.spec.hostPID must not be true\n`,
        ]);
      },
    },
    {
      name: 'a graph with a circle is refused with the path',
      async run(kubectl) {
        const step = (name: string, ...dependsOn: string[]): object => ({
          name,
          dependsOn,
          template: { spec: { image: 'x' } },
        });
        const job = gantry('Job', 'circle', { tasks: [step('a', 'c'), step('b', 'a'), step('c', 'b')] });
        expect(await kubectl.fails(['apply', '-f', '-'], job)).to.match(/in a circle: a -> c -> b -> a/);
      },
    },
    {
      name: 'delete of the Job takes its Runs along',
      async run(kubectl) {
        await kubectl.ok(['delete', 'taskset,job,tasktemplate', '--all']);
        await kubectl
          .ok(['wait', 'run/by-hand', '--for=delete', '--timeout=30s'])
          .catch(async (error: unknown) => {
            if (!/not found/.test(String(error))) throw error;
          });
        await kubectl.ok(['delete', 'runs,idempotencykeys', '--all']);
      },
    },
  ],
};
