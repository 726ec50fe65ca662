/** kubectl's own generators, rights, kinds of users, and what is not served. */
import { expect } from 'chai';
import { eventually } from '../../walk/process.ts';
import { widget, widgetCrd } from '../manifests.ts';
import type { Session } from '../session.ts';
import type { Group } from '../table.ts';

const groupOf = (kubectl: Session): string => `v${kubectl.minor}.example.org`;

export const generators: Group = {
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
