/** What is done to workers. */
import { expect } from 'chai';
import { eventually } from '../../walk/process.ts';
import { task } from '../manifests.ts';
import type { Group } from '../table.ts';

export const workers: Group = {
  name: 'cordon, taint, drain',
  rows: [
    {
      name: 'cordon and uncordon',
      async run(kubectl) {
        const node = (await kubectl.ok(['get', 'nodes', '-o', 'name'])).trim();
        expect(await kubectl.ok(['cordon', node])).to.match(/cordoned/);
        expect(await kubectl.ok(['get', 'nodes'])).to.match(/Ready,SchedulingDisabled/);
        expect(await kubectl.ok(['uncordon', node])).to.match(/uncordoned/);
        expect(await kubectl.ok(['get', 'nodes', '-o', 'wide'])).to.match(/Ready .*docker:\/\//);
      },
    },
    {
      name: 'taint and untaint',
      async run(kubectl) {
        expect(await kubectl.ok(['taint', 'nodes', '--all', 'test=yes:NoSchedule'])).to.match(/tainted/);
        await kubectl.ok(['apply', '-f', '-'], task('kept-away'));
        const why = [
          'get',
          'task',
          'kept-away',
          '-o',
          'jsonpath={.status.conditions[?(@.type=="Scheduled")].message}',
        ];
        await eventually('the scheduler says why', async () =>
          /TaintNotTolerated/.test(await kubectl.ok(why)) ? true : undefined,
        );
        const tolerations = [{ key: 'test', operator: 'Exists' }];
        await kubectl.ok(['apply', '-f', '-'], task('tolerant', { tolerations }));
        await kubectl.ok(['wait', 'task/tolerant', '--for=condition=Ready', '--timeout=60s']);
        expect(await kubectl.ok(['taint', 'nodes', '--all', 'test-'])).to.match(/untainted/);
        await kubectl.ok(['wait', 'task/kept-away', '--for=condition=Ready', '--timeout=60s']);
      },
    },
    {
      name: 'drain: the tasks leave, and come back after uncordon',
      async run(kubectl) {
        const node = (await kubectl.ok(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
        const drained = await kubectl.ok(['drain', node, '--timeout=90s', '--pod-selector=app=runs']);
        expect(drained).to.match(/evicted|drained/);
        expect(await kubectl.ok(['get', 'task', 'runs', '-o', 'jsonpath={.spec.workerName}'])).to.equal('');
        await kubectl.ok(['uncordon', node]);
        await kubectl.ok(['wait', 'task/runs', '--for=condition=Ready', '--timeout=60s']);
        expect(
          await kubectl.ok(['get', 'task', 'runs', '-o', 'jsonpath={.status.history[0].reason}']),
        ).to.equal('Evicted');
      },
    },
  ],
};
