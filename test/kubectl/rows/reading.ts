/** Reading, describing, waiting. */
import { expect } from 'chai';
import { eventually } from '../../walk/process.ts';
import { configMap, idleTask, task } from '../manifests.ts';
import type { Group } from '../table.ts';

export const reading: Group = {
  name: 'get, describe, wait',
  rows: [
    {
      name: 'get in every form',
      async run(kubectl) {
        expect(await kubectl.ok(['get', 'tasks'])).to.match(/^NAME\s+PHASE\s+READY/);
        expect(await kubectl.ok(['get', 'tasks', '-o', 'wide'])).to.match(/IMAGE/);
        expect(await kubectl.ok(['get', 'task', 'two', '-o', 'yaml'])).to.match(/^kind: Task$/m);
        expect(JSON.parse(await kubectl.ok(['get', 'tasks', '-o', 'json'])).kind).to.equal('List');
        expect(await kubectl.ok(['get', 'task', 'two', '-o', 'jsonpath={.metadata.name}'])).to.equal('two');
        expect(await kubectl.ok(['get', 'task', 'two', '-o', 'name'])).to.equal('task.gantry.dev/two\n');
        expect(await kubectl.ok(['get', 'tasks', '-o', 'custom-columns=N:.metadata.name'])).to.match(
          /^two$/m,
        );
        expect(await kubectl.ok(['get', 'tasks', '--show-labels', '-L', 'app'])).to.match(/LABELS/);
        expect(await kubectl.ok(['get', 'tasks', '-A'])).to.match(/^NAMESPACE/);
      },
    },
    {
      name: 'get sorted, in pages, by selectors',
      async run(kubectl) {
        const sorted = await kubectl.ok(['get', 'tasks', '--sort-by=.metadata.name', '-o', 'name']);
        expect(sorted.trim().split('\n')).to.deep.equal(sorted.trim().split('\n').toSorted());
        const paged = await kubectl.ok(['get', 'tasks', '--chunk-size=1', '-o', 'name']);
        expect(paged.trim().split('\n').toSorted()).to.deep.equal(sorted.trim().split('\n'));
        expect(await kubectl.ok(['get', 'tasks', '-l', 'app in (two),app!=one', '-o', 'name'])).to.equal(
          'task.gantry.dev/two\n',
        );
        expect(
          await kubectl.ok(['get', 'tasks', '--field-selector', 'metadata.name=two', '-o', 'name']),
        ).to.equal('task.gantry.dev/two\n');
        expect(await kubectl.fails(['get', 'tasks', '--field-selector', 'spec.nothing=x'])).to.match(
          /field label not supported/,
        );
      },
    },
    {
      name: 'get all',
      async run(kubectl) {
        const all = await kubectl.ok(['get', 'all', '-o', 'name']);
        expect(all).to.match(/task\.gantry\.dev\/two/);
        expect(all).not.to.match(/^pod\//m);
      },
    },
    {
      name: 'get -w of a list, and of one by name',
      async run(kubectl) {
        const list = kubectl.start(['get', 'configmaps', '-w', '--no-headers']);
        const one = kubectl.start(['get', 'configmap', 'map', '-w', '-o', 'name']);
        try {
          await list.says(/^map /m);
          await one.says(/configmap\/map/);
          await kubectl.ok(['apply', '-f', '-'], configMap('seen', { a: 'b' }));
          await kubectl.ok(['label', 'cm', 'map', 'watched=yes']);
          await list.says(/^seen /m);
          await one.says(/configmap\/map\n(.*\n)*configmap\/map/);
        } finally {
          list.stop();
          one.stop();
        }
      },
    },
    {
      name: 'describe, of a kind of Gantry and of the views',
      async run(kubectl) {
        expect(await kubectl.ok(['describe', 'task', 'two'])).to.match(/Name:\s+two/);
        expect(await kubectl.ok(['describe', 'pod', 'two'])).to.match(/Controlled By:\s+Task\/two/);
        const node = await kubectl.ok(['describe', 'nodes']);
        expect(node).to.match(/Container Runtime Version:\s+docker:\/\//);
        expect(node).to.match(/Non-terminated Pods/);
        expect(await kubectl.ok(['describe', 'configmap', 'map'])).to.match(/Data\n====/);
      },
    },
    {
      name: 'wait for a condition, a value and a deletion',
      async run(kubectl) {
        await kubectl.ok(['apply', '-f', '-'], task('runs'));
        await kubectl.ok(['wait', 'task/runs', '--for=condition=Ready', '--timeout=60s']);
        await kubectl.ok(['wait', 'pod/runs', '--for=condition=Ready', '--timeout=60s']);
        await kubectl.ok(['wait', 'task/runs', '--for=jsonpath={.status.phase}=Running', '--timeout=60s']);
        await kubectl.ok(['apply', '-f', '-'], idleTask('goes'));
        const waiting = kubectl.start(['wait', 'task/goes', '--for=delete', '--timeout=30s']);
        await kubectl.ok(['delete', 'task', 'goes']);
        await waiting.ends(0);
        expect(await kubectl.fails(['wait', 'task/two', '--for=condition=Nothing', '--timeout=1s'])).to.match(
          /timed out/,
        );
      },
    },
    {
      name: 'wait --for=create',
      from: 31,
      async run(kubectl) {
        const waiting = kubectl.start(['wait', 'task/comes', '--for=create', '--timeout=30s']);
        await kubectl.ok(['apply', '-f', '-'], idleTask('comes'));
        await waiting.says(/condition met/);
      },
    },
    {
      name: 'events',
      async run(kubectl) {
        await eventually('events are told', async () =>
          /Started|Scheduled/.test(await kubectl.ok(['events', '--for=task/runs'])) ? true : undefined,
        );
        expect(await kubectl.ok(['get', 'events', '--field-selector=involvedObject.name=runs'])).to.match(
          /runs/,
        );
        expect(await kubectl.ok(['get', 'events.events.k8s.io', '-o', 'name'])).to.match(
          /event\.events\.k8s\.io\//,
        );
      },
    },
  ],
};
