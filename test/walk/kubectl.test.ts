/** The real kubectl, the real engine: every verb that issue A's users have, as they would type it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { command, eventually, GantryProcess } from './process.ts';

const task = (name: string, spec: Record<string, unknown> = {}): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name, labels: { app: name } },
    spec: {
      image: 'gantry/hello:1',
      // Defaults within list items would make client-side apply send the list again, as on any custom resource.
      ports: [{ containerPort: 8080, protocol: 'TCP' }],
      terminationGracePeriodSeconds: 2,
      ...spec,
    },
  });

describe('kubectl on a running gantry', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    const found = await command(process.env.KUBECTL ?? 'kubectl', ['version', '--client']).catch(
      () => undefined,
    );
    if (found?.code !== 0)
      throw new Error('no kubectl on PATH and none named by KUBECTL: hack/test.sh installs one');
    gantry = await GantryProcess.open();
  });
  after(async () => gantry.dispose());

  const ok = async (words: readonly string[], input?: string): Promise<string> => {
    const answer = await gantry.kubectl(words, input);
    expect(answer.code, `kubectl ${words.join(' ')}\n${answer.stdout}${answer.stderr}`).to.equal(0);
    return answer.stdout;
  };

  it('api-resources lists every kind with its short names', async () => {
    const table = await ok(['api-resources']);
    expect(table).to.match(/^tasks\s+gt\s+gantry\.dev\/v1\s+true\s+Task$/m);
    expect(table).to.match(/^workers\s+wk\s+gantry\.dev\/v1\s+false\s+Worker$/m);
    expect(table).to.match(/^namespaces\s+ns\s+v1\s+false\s+Namespace$/m);
    expect(table).to.match(/^events\s+ev\s+v1\s+true\s+Event$/m);
    expect(table).to.match(/^leases\s+coordination\.k8s\.io\/v1\s+true\s+Lease$/m);
    expect(table).to.match(/^pods\s+po\s+v1\s+true\s+Pod$/m);
  });

  it('explain shows the schema, recursively', async () => {
    expect(await ok(['explain', 'task.spec.restartPolicy'])).to.match(
      /Whether an ended container is started again/,
    );
    expect(await ok(['explain', 'task', '--recursive'])).to.match(/terminationGracePeriodSeconds/);
  });

  it('create, wait and get: table, wide, yaml, json, jsonpath, labels, all namespaces', async () => {
    expect(await ok(['create', '-f', '-'], task('web'))).to.equal('task.gantry.dev/web created\n');
    await ok(['wait', 'task/web', '--for=condition=Ready', '--timeout=60s']);
    expect(await ok(['get', 'tasks'])).to.match(
      /NAME\s+PHASE\s+READY\s+RESTARTS\s+WORKER\s+AGE\nweb\s+Running\s+True\s+0\s+\S+\s+\d+s/,
    );
    expect(await ok(['get', 'gt', '-o', 'wide'])).to.match(/gantry\/hello:1/);
    expect(await ok(['get', 'task', 'web', '-o', 'yaml'])).to.match(/phase: Running/);
    expect(JSON.parse(await ok(['get', 'task', 'web', '-o', 'json']))).to.nested.include({
      'status.phase': 'Running',
      kind: 'Task',
    });
    expect(await ok(['get', 'tasks', '-l', 'app=web', '-o', 'name'])).to.equal('task.gantry.dev/web\n');
    expect((await gantry.kubectl(['get', 'tasks', '-l', 'app!=web', '-o', 'name'])).stdout).to.equal('');
    expect(await ok(['get', 'tasks', '-A'])).to.match(/^default\s+web\s/m);
    const port = await ok(['get', 'task', 'web', '-o', 'jsonpath={.status.ports[0].hostPort}']);
    const page = await fetch(`http://127.0.0.1:${port}/`);
    expect(page.status).to.equal(200);
    await page.body?.cancel();
  });

  it('create again is refused with AlreadyExists', async () => {
    const again = await gantry.kubectl(['create', '-f', '-'], task('web'));
    expect(again.code).to.equal(1);
    expect(again.stderr).to.match(/\(AlreadyExists\).*tasks\.gantry\.dev "web" already exists/);
  });

  it('describe shows the decisions as events', async () => {
    const text = await eventually('the events are there', async () => {
      const description = await ok(['describe', 'task', 'web']);
      return /Started/.test(description) ? description : undefined;
    });
    expect(text).to.match(/Scheduled/);
    expect(text).to.match(/Events:/);
  });

  it('apply, diff, and apply again with changes replaces the container', async () => {
    expect(await ok(['apply', '-f', '-'], task('changing'))).to.equal('task.gantry.dev/changing created\n');
    await ok(['wait', 'task/changing', '--for=condition=Ready', '--timeout=60s']);
    expect(await ok(['apply', '-f', '-'], task('changing'))).to.equal('task.gantry.dev/changing unchanged\n');
    const changed = task('changing', { env: [{ name: 'COLOUR', value: 'blue' }] });
    const difference = await gantry.kubectl(['diff', '-f', '-'], changed);
    expect(difference.code).to.equal(1);
    expect(difference.stdout).to.match(/\+.*COLOUR/);
    const before = await ok(['get', 'task', 'changing', '-o', 'jsonpath={.status.container.id}']);
    expect(await ok(['apply', '-f', '-'], changed)).to.equal('task.gantry.dev/changing configured\n');
    await eventually('a new container runs', async () => {
      const now = JSON.parse(await ok(['get', 'task', 'changing', '-o', 'json']));
      return now.status.container?.id !== before && now.status.phase === 'Running' ? true : undefined;
    });
    expect(await ok(['get', 'task', 'changing', '-o', 'jsonpath={.status.history[0].reason}'])).to.equal(
      'Superseded',
    );
  });

  it('apply of a typo names the field and stores nothing', async () => {
    const answer = await gantry.kubectl(['apply', '-f', '-'], task('typo', { imagee: 'x' }));
    expect(answer.code).to.equal(1);
    expect(answer.stderr).to.match(/unknown field "spec\.imagee"/);
    expect((await gantry.kubectl(['get', 'task', 'typo'])).stderr).to.match(/\(NotFound\)/);
  });

  it('edit, patch (merge and json), label, annotate', async () => {
    const edited = await command(process.env.KUBECTL ?? 'kubectl', ['edit', 'task', 'web'], {
      env: {
        KUBECONFIG: gantry.kubeconfig,
        KUBE_EDITOR: 'sed -i s/terminationGracePeriodSeconds:.2/terminationGracePeriodSeconds:\\ 3/',
      },
    });
    expect(edited.stdout).to.match(/task\.gantry\.dev\/web edited/);
    const merged = JSON.stringify({ spec: { terminationGracePeriodSeconds: 4 } });
    expect(await ok(['patch', 'task', 'web', '--type=merge', '-p', merged])).to.match(/patched/);
    const listed = JSON.stringify([{ op: 'replace', path: '/spec/terminationGracePeriodSeconds', value: 2 }]);
    expect(await ok(['patch', 'task', 'web', '--type=json', '-p', listed])).to.match(/patched/);
    expect(await ok(['label', 'task', 'web', 'tier=front'])).to.match(/labeled/);
    expect(await ok(['annotate', 'task', 'web', 'note=seen'])).to.match(/annotated/);
    const now = JSON.parse(await ok(['get', 'task', 'web', '-o', 'json']));
    expect(now.metadata.labels).to.deep.equal({ app: 'web', tier: 'front' });
    expect(now.metadata.annotations.note).to.equal('seen');
    expect(now.status.restartCount).to.equal(0);
    const strategic = await gantry.kubectl(['patch', 'task', 'web', '-p', merged]);
    expect(strategic.stderr).to.match(/UnsupportedMediaType|strategic/i);
  });

  it('logs and logs -f of the pod view', async () => {
    const talker = task('talker', {
      command: [
        'sh',
        '-c',
        'echo one; echo two >&2; trap "exit 0" TERM; while :; do sleep 0.2; echo more; done',
      ],
    });
    await ok(['apply', '-f', '-'], talker);
    await ok(['wait', 'task/talker', '--for=condition=Ready', '--timeout=60s']);
    expect(await ok(['get', 'pod', 'talker'])).to.match(/talker\s+1\/1\s+Running\s+0/);
    // Two streams of one process: the engine keeps each in order, not one against the other.
    expect(await ok(['logs', 'talker']))
      .to.match(/^one$/m)
      .and.match(/^two$/m);
    const follow = spawn(process.env.KUBECTL ?? 'kubectl', ['logs', '-f', '--tail=1', 'talker'], {
      env: { ...process.env, KUBECONFIG: gantry.kubeconfig },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let seen = '';
    follow.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    await eventually('three lines were followed', () => (seen.split('more\n').length > 3 ? true : undefined));
    const ended = once(follow, 'exit');
    await ok(['delete', 'task', 'talker']);
    await ended;
  });

  it('get -w shows the changes as they come', async () => {
    const watch = spawn(process.env.KUBECTL ?? 'kubectl', ['get', 'tasks', '-w'], {
      env: { ...process.env, KUBECONFIG: gantry.kubeconfig },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let seen = '';
    watch.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    await eventually('the list is there', () => (seen.includes('web') ? true : undefined));
    await ok(['apply', '-f', '-'], task('watched', { command: ['sleep', '0.5'], restartPolicy: 'Never' }));
    await eventually('the whole life was seen', () => (/watched\s+Succeeded/.test(seen) ? true : undefined));
    expect(seen).to.match(/watched\s+Running/);
    const ended = once(watch, 'exit');
    watch.kill();
    await ended;
  });

  it('wait for jsonpath and for delete; delete removes the container', async () => {
    await ok(['wait', 'task/watched', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=20s']);
    const waiting = gantry.kubectl(['wait', 'task/web', '--for=delete', '--timeout=60s']);
    expect(await ok(['delete', 'task', 'web'])).to.match(/task\.gantry\.dev "web" deleted/);
    expect((await waiting).code).to.equal(0);
    expect(await gantry.containers(['label=gantry.dev/task=default/web'])).to.deep.equal([]);
  });

  it('a stale resourceVersion is a Conflict', async () => {
    const old = JSON.parse(await ok(['get', 'task', 'changing', '-o', 'json']));
    await ok(['annotate', 'task', 'changing', 'moved=on']);
    old.spec.terminationGracePeriodSeconds = 9;
    const answer = await gantry.kubectl(['replace', '-f', '-'], JSON.stringify(old));
    expect(answer.code).to.equal(1);
    expect(answer.stderr).to.match(/\(Conflict\).*the object has been modified/);
  });
});
