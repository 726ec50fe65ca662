/** Creating, applying, changing. */
import { expect } from 'chai';
import { configMap, idleTask, list } from '../manifests.ts';
import type { Group } from '../table.ts';

export const writing: Group = {
  name: 'create, apply, diff, replace',
  rows: [
    {
      name: 'create -f, and again',
      async run(kubectl) {
        expect(await kubectl.ok(['create', '-f', '-'], idleTask('one'))).to.equal(
          'task.gantry.dev/one created\n',
        );
        expect(await kubectl.fails(['create', '-f', '-'], idleTask('one'))).to.match(/AlreadyExists/);
      },
    },
    {
      name: 'create --dry-run=server stores nothing',
      async run(kubectl) {
        const made = await kubectl.ok(['create', '--dry-run=server', '-f', '-'], idleTask('dry'));
        expect(made).to.equal('task.gantry.dev/dry created (server dry run)\n');
        expect(await kubectl.fails(['get', 'task', 'dry'])).to.match(/NotFound/);
      },
    },
    {
      name: 'create names an unknown field',
      async run(kubectl) {
        expect(await kubectl.fails(['create', '-f', '-'], idleTask('typo', { imagee: 'x' }))).to.match(
          /unknown field "spec\.imagee"/,
        );
      },
    },
    {
      name: 'apply: created, unchanged, configured',
      async run(kubectl) {
        for (const said of ['created', 'unchanged']) {
          expect(await kubectl.ok(['apply', '-f', '-'], idleTask('two'))).to.equal(
            `task.gantry.dev/two ${said}\n`,
          );
        }
        const changed = idleTask('two', { env: [{ name: 'A', value: 'b' }] });
        expect(await kubectl.ok(['apply', '-f', '-'], changed)).to.equal('task.gantry.dev/two configured\n');
        expect(await kubectl.ok(['get', 'task', 'two', '-o', 'jsonpath={.spec.env[0].value}'])).to.equal('b');
      },
    },
    {
      name: "apply of one of Kubernetes' own kinds (a strategic merge patch)",
      async run(kubectl) {
        for (const [data, said] of [
          [{ a: '1', b: '2' }, 'created'],
          [{ a: '1', b: '2' }, 'unchanged'],
          [{ b: '3' }, 'configured'],
        ] as const) {
          expect(await kubectl.ok(['apply', '-f', '-'], configMap('map', data))).to.equal(
            `configmap/map ${said}\n`,
          );
        }
        expect(JSON.parse(await kubectl.ok(['get', 'cm', 'map', '-o', 'json'])).data).to.deep.equal({
          b: '3',
        });
      },
    },
    {
      name: 'diff',
      async run(kubectl) {
        expect((await kubectl.run(['diff', '-f', '-'], configMap('map', { b: '3' }))).code).to.equal(0);
        const difference = await kubectl.run(['diff', '-f', '-'], configMap('map', { b: '4' }));
        expect([difference.code, difference.stdout]).to.satisfy(
          ([code, text]: [number, string]) => code === 1 && /\+\s+b: "4"/.test(text),
        );
        const applied = await kubectl.run(['diff', '--server-side', '-f', '-'], idleTask('two'));
        expect(applied.code).to.be.oneOf([0, 1]);
      },
    },
    {
      name: 'apply --server-side: conflicts name manager and field, force takes the field',
      async run(kubectl) {
        const apply = (manager: string, stopSignal: string, ...more: string[]): string[] => [
          'apply',
          '--server-side',
          `--field-manager=${manager}`,
          ...more,
          '-f',
          kubectl.file(`${manager}.json`, idleTask('owned', { stopSignal })),
        ];
        expect(await kubectl.ok(apply('ann', 'SIGINT'))).to.match(/serverside-applied/);
        expect(await kubectl.ok(apply('ann', 'SIGINT'))).to.match(/serverside-applied/);
        expect(await kubectl.fails(apply('bob', 'SIGHUP'))).to.match(
          /Apply failed with 1 conflict: conflict with "ann"[^:]*: \.spec\.stopSignal/,
        );
        await kubectl.ok(apply('bob', 'SIGHUP', '--force-conflicts'));
        const fields = await kubectl.ok(['get', 'task', 'owned', '-o', 'yaml', '--show-managed-fields']);
        expect(fields).to.match(/manager: bob/);
        expect(fields).to.match(/stopSignal: SIGHUP/);
      },
    },
    {
      name: 'from client-side to server-side apply',
      async run(kubectl) {
        await kubectl.ok(['apply', '-f', '-'], idleTask('moved', { env: [{ name: 'A', value: '1' }] }));
        await kubectl.ok(
          ['apply', '--server-side', '-f', '-'],
          idleTask('moved', { env: [{ name: 'A', value: '2' }] }),
        );
        await kubectl.ok(['apply', '--server-side', '-f', '-'], idleTask('moved'));
        expect(await kubectl.ok(['get', 'task', 'moved', '-o', 'jsonpath={.spec.env}'])).to.equal('');
      },
    },
    {
      name: 'apply --prune by an allow list',
      async run(kubectl) {
        const label = { labels: { set: 'pruned' } };
        const words = [
          'apply',
          '--prune',
          '-l',
          'set=pruned',
          '--prune-allowlist=gantry.dev/v1/Task',
          '-f',
          '-',
        ];
        const both = list(idleTask('keep', {}, label), idleTask('drop', {}, label));
        await kubectl.ok(words, both);
        expect(await kubectl.ok(words, idleTask('keep', {}, label))).to.match(/task.gantry.dev\/drop pruned/);
        expect(await kubectl.fails(['get', 'task', 'drop'])).to.match(/NotFound/);
      },
    },
    {
      name: 'apply --applyset',
      async run(kubectl) {
        const words = ['apply', '--prune', `--applyset=configmap/set`, '-n', kubectl.namespace, '-f', '-'];
        const env = { KUBECTL_APPLYSET: 'true' };
        await kubectl.ok(words, list(idleTask('in-set'), idleTask('leaves-set')), env);
        expect(await kubectl.ok(words, idleTask('in-set'), env)).to.match(/leaves-set pruned/);
      },
    },
    {
      name: 'apply -k',
      async run(kubectl) {
        kubectl.file('kustom/task.json', idleTask('base'));
        const kustomization = 'namePrefix: my-\nresources: [task.json]\n';
        const folder = kubectl.file('kustom/kustomization.yaml', kustomization).replace(/\/[^/]+$/, '');
        expect(await kubectl.ok(['kustomize', folder])).to.match(/name: my-base/);
        expect(await kubectl.ok(['apply', '-k', folder])).to.match(/task.gantry.dev\/my-base created/);
      },
    },
    {
      name: 'replace: a stale version is a conflict, --force makes it anew',
      async run(kubectl) {
        const old = await kubectl.ok(['get', 'task', 'one', '-o', 'json']);
        await kubectl.ok(['replace', '-f', '-'], old.replace('"SIGTERM"', '"SIGINT"'));
        await kubectl.ok(['label', 'task', 'one', 'fresh=yes']);
        expect(await kubectl.fails(['replace', '-f', '-'], old)).to.match(
          /Conflict|object has been modified/,
        );
        expect(await kubectl.ok(['replace', '--force', '-f', '-'], idleTask('one'))).to.match(/replaced/);
      },
    },
    {
      name: 'edit',
      async run(kubectl) {
        const editor = kubectl.file(
          'editor.sh',
          '#!/bin/sh\nsed -i "s/stopSignal: .*/stopSignal: SIGQUIT/" "$1"\n',
        );
        await kubectl.ok(['patch', 'task', 'two', '--type=merge', '-p', '{"spec":{"stopSignal":"SIGINT"}}']);
        const env = { KUBE_EDITOR: `sh ${editor}` };
        expect(await kubectl.ok(['edit', 'task', 'two'], undefined, env)).to.match(/edited/);
        expect(await kubectl.ok(['get', 'task', 'two', '-o', 'jsonpath={.spec.stopSignal}'])).to.equal(
          'SIGQUIT',
        );
      },
    },
    {
      name: 'patch: merge, json and strategic',
      async run(kubectl) {
        const patch = (kind: string, name: string, type: string, body: string): string[] => [
          'patch',
          kind,
          name,
          `--type=${type}`,
          '-p',
          body,
        ];
        await kubectl.ok(patch('task', 'two', 'merge', '{"metadata":{"labels":{"m":"1"}}}'));
        await kubectl.ok(
          patch('task', 'two', 'json', '[{"op":"add","path":"/metadata/labels/j","value":"1"}]'),
        );
        expect(await kubectl.fails(patch('task', 'two', 'strategic', '{"spec":{}}'))).to.match(
          /strategic-merge-patch\+json/,
        );
        await kubectl.ok(patch('configmap', 'map', 'strategic', '{"data":{"s":"1"}}'));
        expect(
          await kubectl.fails(
            patch('task', 'two', 'json', '[{"op":"test","path":"/spec/image","value":"x"}]'),
          ),
        ).to.match(/cannot be applied|the server rejected our request/);
      },
    },
    {
      name: 'label and annotate, one and many',
      async run(kubectl) {
        expect(await kubectl.ok(['label', 'tasks', '--all', 'many=yes'])).to.match(/two labeled/);
        expect(await kubectl.ok(['label', 'task', 'two', 'many-'])).to.match(/unlabeled/);
        expect(await kubectl.ok(['annotate', 'task', 'two', 'note=hello world'])).to.match(/annotated?/);
        expect(await kubectl.ok(['get', 'tasks', '-l', 'many', '-o', 'name'])).not.to.match(/\/two$/m);
        expect(await kubectl.fails(['label', 'task', 'two', 'bad key=x'])).not.to.equal('');
      },
    },
  ],
};
