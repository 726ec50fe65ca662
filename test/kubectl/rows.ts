/**
 * The command table: every kubectl command, and what it does here. A row runs the command as its user would and
 * looks at what it printed; where kubectl itself cannot do a thing for kinds it does not know, the row states its
 * message. Rows of one group build on each other in their order.
 */
import { expect } from 'chai';
import { eventually } from '../walk/process.ts';
import { configMap, idleTask, list, task, widget, widgetCrd } from './manifests.ts';
import type { Session } from './session.ts';

export interface Row {
  readonly name: string;
  /** The first minor version of kubectl that has the command; absent: all have it. */
  readonly from?: number;
  run(kubectl: Session): Promise<void>;
}

export interface Group {
  readonly name: string;
  readonly rows: readonly Row[];
}

const groupOf = (kubectl: Session): string => `v${kubectl.minor}.example.org`;

const discovery: Group = {
  name: 'discovery',
  rows: [
    {
      name: 'api-resources, also by group, verb and category',
      async run(kubectl) {
        const all = await kubectl.ok(['api-resources']);
        for (const line of [
          /^tasks\s+gt\s+gantry\.dev\/v1\s+true\s+Task$/m,
          /^nodes\s+no\s+v1\s+false\s+Node$/m,
          /^pods\s+po\s+v1\s+true\s+Pod$/m,
          /^configmaps\s+cm\s+v1\s+true\s+ConfigMap$/m,
          /^customresourcedefinitions\s+crds?(,crds)?\s+apiextensions\.k8s\.io\/v1\s+false/m,
          /^clusterroles\s+rbac\.authorization\.k8s\.io\/v1\s+false\s+ClusterRole$/m,
          /^selfsubjectaccessreviews\s+authorization\.k8s\.io\/v1\s+false/m,
        ]) {
          expect(all).to.match(line);
        }
        expect(await kubectl.ok(['api-resources', '--api-group=gantry.dev', '-o', 'name'])).to.equal(
          'tasks.gantry.dev\nworkers.gantry.dev\n',
        );
        expect(await kubectl.ok(['api-resources', '--verbs=deletecollection', '-o', 'name'])).to.match(
          /tasks/,
        );
      },
    },
    {
      name: 'api-versions',
      async run(kubectl) {
        const versions = (await kubectl.ok(['api-versions'])).trim().split('\n');
        expect(versions).to.include.members([
          'v1',
          'gantry.dev/v1',
          'apiextensions.k8s.io/v1',
          'rbac.authorization.k8s.io/v1',
          'coordination.k8s.io/v1',
        ]);
      },
    },
    {
      name: 'version',
      async run(kubectl) {
        expect(await kubectl.ok(['version'])).to.match(/Server Version.*v1\.\d+/);
      },
    },
    {
      name: 'cluster-info',
      async run(kubectl) {
        expect(await kubectl.ok(['cluster-info'])).to.match(/control plane.* is running at .*https:/);
      },
    },
    {
      name: 'explain, recursively too',
      async run(kubectl) {
        expect(await kubectl.ok(['explain', 'task.spec.image'])).to.match(/The image reference/);
        expect(await kubectl.ok(['explain', 'task', '--recursive'])).to.match(/stopSignal/);
        expect(await kubectl.ok(['explain', 'pod.spec.containers'])).to.match(/The one container/);
        expect(await kubectl.ok(['explain', 'configmap.data'])).to.match(/FIELD.*data/);
        expect(await kubectl.fails(['explain', 'task.spec.nothing'])).to.match(/does not exist/);
      },
    },
  ],
};

const writing: Group = {
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

const reading: Group = {
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

const containers: Group = {
  name: 'logs, exec, attach, cp, port-forward, top',
  rows: [
    {
      name: 'a task to work with',
      async run(kubectl) {
        const script = 'echo first; echo second; echo third; trap "exit 0" TERM; while :; do sleep 1; done';
        await kubectl.ok(['apply', '-f', '-'], task('talks', { command: ['sh', '-c', script] }));
        await kubectl.ok(['wait', 'task/talks', '--for=condition=Ready', '--timeout=60s']);
        await eventually('it has spoken', async () =>
          /third/.test(await kubectl.ok(['logs', 'talks'])) ? true : undefined,
        );
      },
    },
    {
      name: 'logs with every option',
      async run(kubectl) {
        expect(await kubectl.ok(['logs', 'talks'])).to.equal('first\nsecond\nthird\n');
        expect(await kubectl.ok(['logs', 'pod/talks', '-c', 'talks', '--tail=1'])).to.equal('third\n');
        expect(await kubectl.ok(['logs', 'talks', '--limit-bytes=5'])).to.equal('first');
        expect(await kubectl.ok(['logs', 'talks', '--timestamps', '--tail=1'])).to.match(
          /^\d{4}-.*Z third\n$/,
        );
        expect(await kubectl.ok(['logs', 'talks', '--since=1h'])).to.match(/first/);
        expect(await kubectl.ok(['logs', 'talks', '--since-time=2100-01-01T00:00:00Z'])).to.equal('');
        expect(await kubectl.ok(['logs', '-l', 'app=talks'])).to.match(/third/);
        expect(await kubectl.fails(['logs', 'talks', '--previous'])).to.match(
          /previous terminated container/,
        );
        expect(await kubectl.fails(['logs', 'talks', '-c', 'other'])).to.match(
          /container other is not valid/,
        );
        const following = kubectl.start(['logs', '-f', 'talks']);
        await following.says(/third/);
        following.stop();
        expect(await kubectl.fails(['logs', 'task/talks'])).to.match(
          /no kind "Task" is registered|cannot get the logs/,
        );
      },
    },
    {
      name: 'exec: output, input, exit codes, what cannot be run',
      async run(kubectl) {
        expect(await kubectl.ok(['exec', 'talks', '--', 'echo', 'hello'])).to.equal('hello\n');
        expect(await kubectl.ok(['exec', '-i', 'talks', '--', 'cat'], 'through\n')).to.equal('through\n');
        const answer = await kubectl.run(['exec', 'talks', '--', 'sh', '-c', 'echo bad >&2; exit 3']);
        expect([answer.code, answer.stdout]).to.deep.equal([3, '']);
        expect(answer.stderr).to.match(/bad[\s\S]*exit code 3/);
        const unknown = await kubectl.run(['exec', 'talks', '--', 'no-such-program']);
        expect(unknown.code).to.be.oneOf([126, 127]);
        expect(unknown.stdout + unknown.stderr).to.match(/no-such-program.*executable file not found/);
        expect(await kubectl.fails(['exec', 'absent', '--', 'true'])).to.match(/pods "absent" not found/);
      },
    },
    {
      name: 'attach',
      async run(kubectl) {
        const script = 'trap "exit 0" TERM; while :; do echo tick; sleep 0.2; done';
        await kubectl.ok(['apply', '-f', '-'], task('ticks', { command: ['sh', '-c', script] }));
        await kubectl.ok(['wait', 'pod/ticks', '--for=condition=Ready', '--timeout=60s']);
        const attached = kubectl.start(['attach', 'ticks']);
        await attached.says(/tick/);
        attached.stop();
      },
    },
    {
      name: 'cp both ways',
      async run(kubectl) {
        const data = Array.from({ length: 5_000 }, (_, line) => `line ${line}`).join('\n');
        const from = kubectl.file('sent.txt', data);
        await kubectl.ok(['cp', from, 'talks:/tmp/sent.txt']);
        const back = kubectl.file('back.txt', '');
        await kubectl.ok(['cp', 'talks:/tmp/sent.txt', back]);
        const { readFileSync } = await import('node:fs');
        expect(readFileSync(back, 'utf8')).to.equal(data);
      },
    },
    {
      name: 'port-forward',
      async run(kubectl) {
        const forwarding = kubectl.start(['port-forward', 'pod/runs', ':8080']);
        try {
          await forwarding.says(/Forwarding from 127\.0\.0\.1:\d+/);
          const port = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(forwarding.text())?.[1];
          const pages = await Promise.all(
            Array.from({ length: 5 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()),
          );
          for (const page of pages) expect(page).to.match(/Hello from Gantry/);
        } finally {
          forwarding.stop();
        }
      },
    },
    {
      name: 'top pod and node',
      async run(kubectl) {
        expect(await kubectl.ok(['top', 'pod'])).to.match(
          /NAME\s+CPU\(cores\)\s+MEMORY\(bytes\)[\s\S]*talks\s+\d+m\s+\d+Mi/,
        );
        expect(await kubectl.ok(['top', 'pod', '-l', 'app=talks', '--containers'])).to.match(/talks\s+talks/);
        expect(await kubectl.ok(['top', 'node'])).to.match(/\d+m\s+\d+%\s+\d+Mi\s+\d+%/);
      },
    },
  ],
};

const workers: Group = {
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

const generators: Group = {
  name: 'generators and custom kinds',
  rows: [
    {
      name: 'create configmap, secret, namespace, serviceaccount, quota',
      async run(kubectl) {
        const name = kubectl.namespace;
        await kubectl.ok(['create', 'configmap', 'made', '--from-literal=a=b']);
        await kubectl.ok(['create', 'secret', 'generic', 'made', '--from-literal=a=b']);
        await kubectl.ok([
          'create',
          'secret',
          'docker-registry',
          'pull',
          '--docker-server=example.org',
          '--docker-username=u',
          '--docker-password=p',
        ]);
        await kubectl.ok(['create', 'namespace', `${name}-made`]);
        await kubectl.ok(['create', 'serviceaccount', 'robot']);
        await kubectl.ok(['create', 'quota', 'few', '--hard=count/tasks.gantry.dev=1000']);
        expect(await kubectl.ok(['get', 'secret', 'made', '-o', 'jsonpath={.data.a}'])).to.equal('Yg==');
        expect(await kubectl.ok(['get', 'cm,secret,sa,quota'])).to.match(/configmap\/made/);
        await kubectl.ok(['delete', 'namespace', `${name}-made`, '--timeout=60s']);
      },
    },
    {
      name: 'create role, rolebinding, clusterrole, clusterrolebinding, token; auth',
      async run(kubectl) {
        const unique = kubectl.namespace;
        const subject = `--serviceaccount=${kubectl.namespace}:robot`;
        await kubectl.ok(['create', 'role', 'reader', '--verb=get,list', '--resource=tasks.gantry.dev']);
        await kubectl.ok(['create', 'rolebinding', 'readers', '--role=reader', subject]);
        await kubectl.ok(['create', 'clusterrole', `${unique}-all`, '--verb=get', '--resource=nodes']);
        await kubectl.ok([
          'create',
          'clusterrolebinding',
          `${unique}-all`,
          `--clusterrole=${unique}-all`,
          subject,
        ]);
        const robot = `--as=system:serviceaccount:${kubectl.namespace}:robot`;
        expect(await kubectl.ok(['auth', 'can-i', 'list', 'tasks', robot])).to.equal('yes\n');
        expect((await kubectl.run(['auth', 'can-i', 'delete', 'tasks', robot])).stdout).to.match(/^no/);
        expect(await kubectl.ok(['auth', 'can-i', '--list', robot])).to.match(
          /tasks\.gantry\.dev.*\[get list\]/,
        );
        expect(await kubectl.fails(['delete', 'task', 'two', robot])).to.match(
          /Forbidden.*cannot delete resource "tasks" in API group "gantry\.dev" in the namespace/,
        );
        const token = (await kubectl.ok(['create', 'token', 'robot'])).trim();
        expect(token.split('.')).to.have.length(3);
      },
    },
    {
      name: 'auth whoami',
      async run(kubectl) {
        const text = await kubectl.ok(['auth', 'whoami']);
        expect(text).to.match(/Username\s+\S+[\s\S]*system:masters/);
      },
    },
    {
      name: 'a kind of the user: served at once, with columns, checks and scale',
      async run(kubectl) {
        const group = groupOf(kubectl);
        await kubectl.ok(['apply', '-f', '-'], widgetCrd(group));
        await kubectl.ok(['wait', `crd/widgets.${group}`, '--for=condition=established', '--timeout=20s']);
        await eventually('it is discovered', async () => {
          const answer = await kubectl.run(['apply', '-f', '-'], widget(group, 'one', { colour: 'red' }));
          return answer.code === 0 ? true : undefined;
        });
        const kind = `widgets.${group}`;
        expect(await kubectl.ok(['get', kind])).to.match(/NAME\s+REPLICAS\none\s+1/);
        expect(await kubectl.ok(['explain', `${kind}.spec`])).to.match(/What a widget is to be/);
        expect(
          await kubectl.fails(['apply', '-f', '-'], widget(group, 'bad', { colour: 'green', replicas: -1 })),
        ).to.match(/Unsupported value: "green"/);
        expect(await kubectl.fails(['apply', '-f', '-'], widget(group, 'bad', { replicas: -1 }))).to.match(
          /replicas must not be negative/,
        );
        expect(await kubectl.ok(['scale', `${kind}/one`, '--replicas=3'])).to.match(/scaled/);
        expect(await kubectl.ok(['scale', `${kind}/one`, '--current-replicas=3', '--replicas=5'])).to.match(
          /scaled/,
        );
        expect(await kubectl.ok(['get', `${kind}/one`, '-o', 'jsonpath={.spec.replicas}'])).to.equal('5');
      },
    },
    {
      name: 'a kind of the user goes with its objects',
      async run(kubectl) {
        const group = groupOf(kubectl);
        await kubectl.ok(['delete', 'crd', `widgets.${group}`, '--timeout=30s']);
        expect(await kubectl.fails(['get', `widgets.${group}`])).to.match(
          /doesn't have a resource type|not found/,
        );
      },
    },
    {
      name: 'kinds that are not served, in kubectl’s own words',
      async run(kubectl) {
        expect(await kubectl.fails(['create', 'deployment', 'x', '--image=x'])).to.match(
          /could not find the requested resource/,
        );
        expect(await kubectl.fails(['create', 'job', 'x', '--image=x'])).to.match(
          /could not find the requested resource/,
        );
        expect(await kubectl.fails(['create', 'cronjob', 'x', '--image=x', '--schedule=* * * * *'])).to.match(
          /could not find the requested resource/,
        );
        expect(await kubectl.fails(['expose', 'pod', 'runs', '--port=80'])).to.match(/MethodNotAllowed/);
        expect(await kubectl.fails(['autoscale', 'task', 'two', '--max=3'])).to.match(
          /cannot autoscale|could not find|no matches|no kind/,
        );
        expect(await kubectl.fails(['rollout', 'status', 'task/two'])).to.match(
          /no kind "Task"|no status viewer/,
        );
        expect(await kubectl.fails(['set', 'image', 'task/two', 'two=x'])).to.match(/no kind "Task"/);
        expect(await kubectl.fails(['debug', 'runs', '--image=x'])).to.match(
          /ephemeral containers are disabled|could not find|not allowed|[Ff]orbidden/,
        );
      },
    },
    {
      name: 'run makes a Task; set image changes it',
      async run(kubectl) {
        const words = ['run', 'ran', '--image=gantry/hello:1', '--restart=Never', '--', 'echo', 'done'];
        expect(await kubectl.ok(words)).to.equal('pod/ran created\n');
        await kubectl.ok(['wait', 'task/ran', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s']);
        expect(await kubectl.ok(['logs', 'ran'])).to.equal('done\n');
        expect(await kubectl.ok(['set', 'image', 'pod/two', 'two=gantry/hello:2'])).to.match(/image updated/);
        expect(await kubectl.ok(['get', 'task', 'two', '-o', 'jsonpath={.spec.image}'])).to.equal(
          'gantry/hello:2',
        );
      },
    },
    {
      name: 'proxy and config',
      async run(kubectl) {
        const proxy = kubectl.start(['proxy', '--port=0']);
        try {
          await proxy.says(/Starting to serve on 127\.0\.0\.1:\d+/);
          const port = /127\.0\.0\.1:(\d+)/.exec(proxy.text())?.[1];
          const answer = await fetch(`http://127.0.0.1:${port}/apis/gantry.dev/v1/tasks`);
          expect(await answer.json()).to.include({ kind: 'TaskList' });
        } finally {
          proxy.stop();
        }
        expect(
          await kubectl.ok(['config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}']),
        ).to.match(/^https:/);
      },
    },
  ],
};

const removing: Group = {
  name: 'delete',
  rows: [
    {
      name: 'delete: dry run, by name, by label, all',
      async run(kubectl) {
        expect(await kubectl.ok(['delete', 'task', 'one', '--dry-run=server'])).to.match(
          /deleted \(server dry run\)/,
        );
        await kubectl.ok(['get', 'task', 'one']);
        expect(await kubectl.ok(['delete', 'task', 'one'])).to.match(/task\.gantry\.dev "one" deleted/);
        await kubectl.ok(['delete', 'tasks', '-l', 'app=two']);
        expect(await kubectl.fails(['delete', 'task', 'two'])).to.match(/NotFound/);
        await kubectl.ok(['delete', 'task', 'two', '--ignore-not-found']);
        await kubectl.ok(['delete', 'task', 'talks', '--grace-period=0', '--force']);
        await kubectl.ok(['delete', 'tasks', '--all', '--timeout=60s']);
        expect((await kubectl.run(['get', 'tasks'])).stderr).to.match(/No resources found/);
      },
    },
    {
      name: 'delete with each propagation policy',
      async run(kubectl) {
        for (const [policy, survives] of [
          ['background', false],
          ['foreground', false],
          ['orphan', true],
        ] as const) {
          await kubectl.ok(['create', 'configmap', `owner-${policy}`]);
          const uid = await kubectl.ok(['get', 'cm', `owner-${policy}`, '-o', 'jsonpath={.metadata.uid}']);
          const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: `owner-${policy}`, uid };
          const owned = configMap(`owned-${policy}`, {}, { ownerReferences: [owner] });
          await kubectl.ok(['create', '-f', '-'], owned);
          await kubectl.ok(['delete', 'cm', `owner-${policy}`, `--cascade=${policy}`, '--timeout=30s']);
          await eventually(`what ${policy} leaves`, async () => {
            const { code, stdout } = await kubectl.run(['get', 'cm', `owned-${policy}`, '-o', 'json']);
            if (!survives) return code === 1 ? true : undefined;
            return code === 0 && !/ownerReferences/.test(stdout) ? true : undefined;
          });
        }
      },
    },
    {
      name: 'delete namespace',
      async run(kubectl) {
        await kubectl.ok(['delete', 'namespace', kubectl.namespace, '--timeout=90s']);
        expect(await kubectl.fails(['get', 'namespace', kubectl.namespace])).to.match(/NotFound/);
      },
    },
  ],
};

export const table: readonly Group[] = [
  discovery,
  writing,
  reading,
  containers,
  workers,
  generators,
  removing,
];
