/** The commands against the real API over TLS: what a person types and what a person sees. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { writeKubeconfig } from '../../client/kubeconfig.ts';
import { ApiError } from '../../machinery/errors.ts';
import type { Identity } from '../../machinery/identity.ts';
import { GROUP_MASTERS } from '../../machinery/identity.ts';
import { isRecord, readPath } from '../../machinery/json.ts';
import type { WorkerLink } from '../../machinery/workerlink.ts';
import { events, tasks } from '../../schemas/kinds.ts';
import { noWorkers } from '../api/server/harness.ts';
import { Certificates, type SecureServer, serveSecurely } from '../client/secureserver.ts';
import { openWorld, type World } from '../world.ts';
import { type Ran, run, type Surroundings } from './terminal.ts';

const certificates = new Certificates();
const admin: Identity = { name: 'admin', groups: [GROUP_MASTERS] };
const examples = join(import.meta.dirname, '../../manifests/examples');

describe('gantry', () => {
  let directory: string;
  let world: World;
  let server: SecureServer;
  let logRequests: unknown[];

  const workerLink: WorkerLink = {
    ...noWorkers,
    attempts: () =>
      Promise.resolve([
        { attempt: 2, state: 'running', startedAt: '2026-01-01T00:00:09Z' },
        {
          attempt: 1,
          state: 'archived',
          reason: 'Error',
          exitCode: 3,
          startedAt: '2026-01-01T00:00:00Z',
          finishedAt: '2026-01-01T00:00:08Z',
          bytes: 120,
        },
      ]),
    async logs(worker, task, options, signal) {
      logRequests.push({ worker, name: task.name, ...options });
      if (options.previous) throw new ApiError('NotFound', 'there is no container before the newest');
      return (async function* () {
        yield Buffer.from('one\ntw');
        yield Buffer.from('o\n');
        if (options.follow)
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      })();
    },
  };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-cli-'));
    world = await openWorld();
    logRequests = [];
    server = await serveSecurely(world, certificates, { workerLink });
    const [pki, credentials] = await Promise.all([certificates.pki(), certificates.of(admin)]);
    mkdirSync(join(directory, '.gantry'));
    await writeKubeconfig(join(directory, '.gantry/kubeconfig'), {
      server: server.url,
      authority: pki.authority,
      ...credentials,
    });
  });
  afterEach(async () => {
    await server.close();
    await world.close();
    rmSync(directory, { recursive: true, force: true });
  });
  after(() => certificates.remove());

  const gantry = (line: string, surroundings: Partial<Surroundings> = {}): Promise<Ran> =>
    run(line.split(' '), { directory, ...surroundings });
  const put = (name: string, text: string): void => {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  };
  const manifest = (name: string, more = ''): string =>
    `apiVersion: gantry.dev/v1\nkind: Task\nmetadata:\n  name: ${name}\nspec:\n  image: gantry/hello:1\n${more}`;
  const stored = async (name: string, namespace = 'default'): Promise<Record<string, unknown>> => ({
    ...(await world.admin.get(tasks, { namespace, name })),
  });
  const seed = async (...names: string[]): Promise<void> => {
    for (const name of names)
      expect((await gantry('apply -f -', { stdin: manifest(name) })).err).to.equal('');
  };

  describe('apply', () => {
    it('creates, then sees nothing to do, then changes', async () => {
      put('a.yaml', manifest('a', '  ports:\n    - containerPort: 80\n'));
      expect(await gantry('apply -f a.yaml')).to.deep.equal({
        code: 0,
        out: 'task.gantry.dev/a created\n',
        err: '',
      });
      expect((await gantry('apply -f a.yaml')).out).to.equal('task.gantry.dev/a unchanged\n');
      put('a.yaml', manifest('a', '  desiredState: Stopped\n'));
      expect((await gantry('apply -f a.yaml')).out).to.equal('task.gantry.dev/a configured\n');
      const task = await stored('a');
      expect(readPath(task, ['spec', 'desiredState'])).to.equal('Stopped');
      expect(readPath(task, ['spec', 'ports']), 'what the manifest no longer says is removed').to.equal(
        undefined,
      );
    });

    it('leaves alone what others set', async () => {
      await seed('a');
      await world.admin.patch(
        tasks,
        { namespace: 'default', name: 'a' },
        { type: 'merge', body: { metadata: { labels: { mine: 'x' } }, spec: { stopSignal: 'SIGINT' } } },
      );
      put('a.yaml', manifest('a', '  restartPolicy: Never\n'));
      await gantry('apply -f a.yaml');
      const task = await stored('a');
      expect(readPath(task, ['spec', 'stopSignal'])).to.equal('SIGINT');
      expect(readPath(task, ['metadata', 'labels', 'mine'])).to.equal('x');
    });

    it('takes several documents, folders, lists, JSON and standard input; namespaces first', async () => {
      put(
        'all/2.yaml',
        `---\n# nothing\n---\n${manifest('a', '').replace('name: a', 'name: a\n  namespace: blue')}---\n${manifest('b')}`,
      );
      put('all/3.yml', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: blue}\n');
      put(
        'all/deep/4.json',
        JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [load(manifest('c'))] }),
      );
      put('all/readme.txt', 'not a manifest');
      expect(await gantry('apply -f all')).to.deep.equal({
        code: 0,
        out: 'namespace/blue created\ntask.gantry.dev/a created\ntask.gantry.dev/b created\n',
        err: '',
      });
      expect((await gantry('apply -R -f all')).out).to.match(/task\.gantry\.dev\/c created\n$/);
      expect((await gantry('apply -f - -n blue', { stdin: manifest('d') })).out).to.equal(
        'task.gantry.dev/d created\n',
      );
      expect(readPath(await stored('d', 'blue'), ['metadata', 'namespace'])).to.equal('blue');
    });

    it('checks only, when told so', async () => {
      put('a.yaml', manifest('a'));
      expect((await gantry('apply -f a.yaml --dry-run=server')).out).to.equal(
        'task.gantry.dev/a created (server dry run)\n',
      );
      expect((await gantry('apply -f a.yaml --dry-run=client')).out).to.equal(
        'task.gantry.dev/a created (dry run)\n',
      );
      expect((await world.admin.list(tasks)).items).to.deep.equal([]);
    });

    it('and kubectl can be used in turn', async () => {
      put('a.yaml', manifest('a', '  args: ["<a> & b"]\n  env:\n    - {name: M, value: "1"}\n'));
      // Not the synchronous form: the server runs in this very process.
      const kubectl = async (...words: string[]): Promise<string> => {
        const flags = [
          '--kubeconfig',
          join(directory, '.gantry/kubeconfig'),
          '--cache-dir',
          join(directory, 'cache'),
        ];
        return (await promisify(execFile)('kubectl', [...words, ...flags], { cwd: directory })).stdout;
      };
      expect((await gantry('apply -f a.yaml')).err).to.equal('');
      const written = readPath(await stored('a'), ['metadata', 'annotations']);
      await kubectl('apply', '-f', 'a.yaml');
      expect(readPath(await stored('a'), ['metadata', 'annotations'])).to.deep.equal(written);
      put('a.yaml', manifest('a', '  workingDir: /tmp\n'));
      expect(await kubectl('apply', '-f', 'a.yaml')).to.equal('task.gantry.dev/a configured\n');
      expect((await gantry('apply -f a.yaml')).out).to.equal('task.gantry.dev/a unchanged\n');
      put('a.yaml', manifest('a'));
      expect((await gantry('apply -f a.yaml')).out).to.equal('task.gantry.dev/a configured\n');
      expect(readPath(await stored('a'), ['spec', 'workingDir'])).to.equal(undefined);
    }).timeout(30_000);

    const mistakes: [string, string, string[]][] = [
      [
        'broken YAML',
        `${manifest('a')}---\na: 1\n b: 2\n`,
        ['m.yaml:9:3: bad indentation of a mapping entry'],
      ],
      ['an unknown field', manifest('a', '  imagee: x\n'), ['m.yaml:7:3: unknown field "spec.imagee"']],
      [
        'two unknown fields, one of them deep',
        manifest('a', '  ports:\n    - containerPort: 1\n      host: 2\n  x: 1\n'),
        ['m.yaml:9:7: unknown field "spec.ports[0].host"', 'm.yaml:10:3: unknown field "spec.x"'],
      ],
      [
        'a wrong value',
        manifest('a', '  restartPolicy: Sometimes\n'),
        ['m.yaml:7:3: spec.restartPolicy: Unsupported value: "Sometimes"'],
      ],
      ['a wrong type', manifest('a', '  args: 5\n'), ['m.yaml:7:3: spec.args: ']],
      [
        'a missing field',
        manifest('a').replace('  image: gantry/hello:1\n', '  args: []\n'),
        ['m.yaml:5:1: spec.image: Required value'],
      ],
      [
        'an unknown kind',
        manifest('a').replace('Task', 'Taks'),
        ['m.yaml:2:1: no kind "Taks" in gantry.dev/v1; did you mean Task?'],
      ],
      [
        'an unknown apiVersion',
        manifest('a').replace('dev/v1', 'dev/v9'),
        ['m.yaml:2:1: the server has no apiVersion "gantry.dev/v9": there are '],
      ],
      ['no kind', 'apiVersion: v1\nmetadata: {name: x}\n', ['m.yaml:1:1: kind is missing']],
      ['no object', '- 1\n', ['m.yaml:1:1: wanted an object with apiVersion, kind and metadata']],
      [
        'no name',
        manifest('a').replace('  name: a', '  labels: {}'),
        ['m.yaml:3:1: metadata.name is missing or not text'],
      ],
      [
        'a name twice',
        `${manifest('a')}---\n${manifest('a')}`,
        ['m.yaml:11:3: Task "a" is given twice, first at m.yaml:4:3'],
      ],
      ['a name that is none', manifest('A_b'), ['m.yaml:4:3: metadata.name: Invalid value: "A_b"']],
      [
        'a namespace that is not there',
        manifest('a').replace('name: a', 'name: a\n  namespace: nope'),
        ['m.yaml:4:3: task.gantry.dev/a: Error from server (NotFound): namespaces "nope" not found'],
      ],
      ['a duplicate key', `${manifest('a')}  image: b\n`, ['m.yaml:7:3: duplicated mapping key']],
      ['nothing in it', '# nothing\n', ['no objects found in m.yaml']],
    ];
    for (const [name, text, wanted] of mistakes) {
      it(`names ${name} with its place, and writes nothing at all`, async () => {
        put('good.yaml', manifest('good'));
        put('m.yaml', text);
        const { code, out, err } = await gantry(
          name === 'nothing in it' ? 'apply -f m.yaml' : 'apply -f good.yaml -f m.yaml',
        );
        const lines = err.trimEnd().split('\n');
        expect(lines.length, err).to.equal(wanted.length);
        for (const [at, line] of wanted.entries())
          expect(lines[at]?.startsWith(`gantry: ${line}`), `${lines[at]} / ${line}`).to.equal(true);
        expect([code, out]).to.deep.equal([1, '']);
        expect((await world.admin.list(tasks)).items).to.deep.equal([]);
      });
    }

    it('names files that cannot be read', async () => {
      mkdirSync(join(directory, 'empty'));
      expect((await gantry('apply -f nope.yaml')).err).to.equal(
        'gantry: cannot read nope.yaml: no such file or directory\n',
      );
      expect((await gantry('apply -f empty')).err).to.match(
        /^gantry: empty holds no \.yaml, \.yml or \.json files/,
      );
      expect((await gantry('apply')).err).to.match(/^gantry: name a file, a folder or - with -f/);
    });

    for (const file of readdirSync(examples)) {
      it(`takes the example ${file}`, async () => {
        const { code, err } = await gantry(`apply -f ${join(examples, file)}`);
        expect([code, err]).to.deep.equal([0, '']);
        expect((await gantry(`apply -f ${join(examples, file)}`)).out).to.match(/unchanged\n$/);
      });
    }
  });

  describe('get', () => {
    it("prints the server's table", async () => {
      await seed('a', 'b');
      const { out } = await gantry('get tasks');
      const [header, first, second] = out.split('\n');
      expect(header).to.match(/^NAME {3}PHASE {4}READY {4}RESTARTS {3}WORKER {3}AGE$/);
      expect(first).to.match(/^a {6}/);
      expect(second).to.match(/^b {6}/);
      expect((await gantry('get tasks -o wide')).out).to.match(/AGE +REASON +IMAGE/);
      expect((await gantry('get gt --no-headers --show-labels -A')).out).to.match(/^default +a .*<none>\n/);
    });

    it('finds a kind by every name it has', async () => {
      await seed('a');
      for (const words of [
        'tasks a',
        'task a',
        'gt a',
        'Task a',
        'tasks.gantry.dev a',
        'tasks.v1.gantry.dev a',
        'task/a',
        'all',
      ]) {
        expect((await gantry(`get ${words} -o name`)).out, words).to.equal('task.gantry.dev/a\n');
      }
      expect((await gantry('get namespaces,tasks -o name')).out).to.equal(
        'namespace/default\nnamespace/gantry-system\nnamespace/kube-node-lease\nnamespace/kube-public\nnamespace/kube-system\ntask.gantry.dev/a\n',
      );
      expect((await gantry('get taks')).err).to.equal(
        `gantry: the server doesn't have a resource type "taks"; did you mean tasks?\n`,
      );
    });

    it('prints objects as JSON, YAML and JSONPath', async () => {
      await seed('a', 'b');
      const json: unknown = JSON.parse((await gantry('get task a -o json')).out);
      const yaml: unknown = load((await gantry('get task a -o yaml')).out);
      expect(json).to.deep.equal(yaml);
      expect(readPath(json, ['metadata', 'name'])).to.equal('a');
      const list: unknown = JSON.parse((await gantry('get tasks -o json')).out);
      expect(isRecord(list) && Array.isArray(list.items) ? [list.kind, list.items.length] : []).to.deep.equal(
        ['List', 2],
      );
      const path = async (template: string, what = 'task a'): Promise<string> =>
        (await run(['get', ...what.split(' '), '-o', `jsonpath=${template}`], { directory })).out;
      expect(await path('{.spec.image}{"\\n"}')).to.equal('gantry/hello:1\n');
      expect(await path('{range .items[*]}{.metadata.name}={.spec.image};{end}', 'tasks')).to.equal(
        'a=gantry/hello:1;b=gantry/hello:1;',
      );
      expect(await path('{.items[?(@.metadata.name=="b")].metadata.name}', 'tasks')).to.equal('b');
      expect(await path('.metadata.nope')).to.equal('');
    });

    it('selects by label and by field', async () => {
      await seed('a');
      await gantry('apply -f -', {
        stdin: manifest('b').replace('name: b', 'name: b\n  labels: {app: web}'),
      });
      expect((await gantry('get tasks -l app=web -o name')).out).to.equal('task.gantry.dev/b\n');
      expect((await gantry('get tasks --field-selector metadata.name=a -o name')).out).to.equal(
        'task.gantry.dev/a\n',
      );
    });

    it('says what is not there, and what cannot be', async () => {
      expect(await gantry('get tasks')).to.deep.equal({
        code: 0,
        out: '',
        err: 'No resources found in default namespace.\n',
      });
      expect(await gantry('get task nope')).to.deep.equal({
        code: 1,
        out: '',
        err: 'Error from server (NotFound): tasks.gantry.dev "nope" not found\n',
      });
      expect((await gantry('get tasks -o frob')).err).to.equal(
        'gantry: unknown output "frob": wanted wide, json, yaml, name or jsonpath=TEMPLATE\n',
      );
      expect((await gantry('get task a -l x')).err).to.equal(
        'gantry: a name and a selector cannot be given together\n',
      );
      expect((await gantry('get tasks --kubeconfig nope')).err).to.match(
        /^gantry: cannot read the kubeconfig .*\/nope: no such file/,
      );
    });

    it('follows changes with -w until it is interrupted', async () => {
      await seed('a');
      const stop = new AbortController();
      let isChanged = false;
      const change = async (): Promise<void> => {
        await world.admin.patch(
          tasks,
          { namespace: 'default', name: 'a' },
          { type: 'merge', body: { spec: { desiredState: 'Stopped' } } },
        );
        await seed('later');
      };
      let changing: Promise<void> | undefined;
      const { code, out } = await gantry('get tasks -w', {
        signal: stop.signal,
        onOutput: (text) => {
          if (!isChanged) changing = change();
          isChanged = true;
          if (text.includes('later')) stop.abort();
        },
      });
      await changing;
      expect(code).to.equal(0);
      expect(out.split('\n').map((line) => line.split(' ')[0])).to.deep.equal([
        'NAME',
        'a',
        'a',
        'later',
        '',
      ]);
    });
  });

  describe('describe', () => {
    it('shows the object in sections and its events, newest last', async () => {
      await seed('a');
      const task = await world.admin.get(tasks, { namespace: 'default', name: 'a' });
      const since = '2025-12-31T23:55:00Z';
      await world.admin.update(
        tasks,
        {
          ...task,
          status: {
            phase: 'Running',
            conditions: [
              {
                type: 'Ready',
                status: 'True',
                reason: 'Started',
                message: 'it runs',
                lastTransitionTime: since,
              },
            ],
          },
        },
        { subresource: 'status' },
      );
      for (const [name, at, count] of [
        ['newer', '2025-12-31T23:59:30Z', 1],
        ['older', '2025-12-31T23:50:00Z', 3],
      ] as const) {
        await world.admin.create(events, {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name, namespace: 'default' },
          involvedObject: { kind: 'Task', name: 'a', namespace: 'default', uid: task.metadata.uid ?? '' },
          reason: `Was${name}`,
          message: `it was\n${name}`,
          type: 'Normal',
          count,
          firstTimestamp: '2025-12-31T23:40:00Z',
          lastTimestamp: at,
          source: { component: 'test' },
        });
      }
      const { out } = await gantry('describe task a', { clock: world.clock });
      expect(out).to.match(/^Name: +a\nNamespace: +default\nLabels: +<none>\n/);
      expect(out).to.not.include('last-applied');
      expect(out).to.include('\nSpec:\n');
      expect(out).to.match(/\n {2}Image: gantry\/hello:1\n/);
      expect(out).to.match(
        /\n {2}Conditions:\n {4}Type {4}Status {3}Reason {4}Since {4}Message\n {4}Ready {3}True {5}Started {3}5m ago {3}it runs\n/,
      );
      expect(out).to.match(
        /Events:\n {2}Type .*\n {2}Normal +Wasolder +10m \(x3 over 20m\) +test +it was older\n {2}Normal +Wasnewer +30s +test +it was newer\n$/,
      );
    });
  });

  describe('delete', () => {
    it('deletes by name, by selector, all, and by manifest', async () => {
      await seed('a', 'b', 'c', 'd');
      expect(await gantry('delete task a')).to.deep.equal({
        code: 0,
        out: 'task.gantry.dev "a" deleted\n',
        err: '',
      });
      expect((await gantry('delete task/b')).out).to.equal('task.gantry.dev "b" deleted\n');
      expect((await gantry('delete -f -', { stdin: manifest('c') })).out).to.equal(
        'task.gantry.dev "c" deleted\n',
      );
      expect((await gantry('delete tasks --all --all-namespaces --timeout=120s')).out).to.equal(
        'task.gantry.dev "d" deleted\n',
      );
      expect((await gantry('delete tasks --all')).out).to.equal('No resources found\n');
    });

    it('waits until a finalizer lets go, or says that the time is up', async () => {
      await seed('a');
      await world.admin.patch(
        tasks,
        { namespace: 'default', name: 'a' },
        { type: 'merge', body: { metadata: { finalizers: ['example.com/hold'] } } },
      );
      const timedOut = await gantry('delete task a --timeout=50ms');
      expect(timedOut).to.deep.equal({
        code: 1,
        out: 'task.gantry.dev "a" deleted\n',
        err: 'gantry: timed out after 0.05 s waiting for tasks/a to go\n',
      });
      let letGo: Promise<unknown> | undefined;
      const waited = await gantry('delete task a', {
        onOutput: () => {
          letGo = world.admin.patch(
            tasks,
            { namespace: 'default', name: 'a' },
            { type: 'merge', body: { metadata: { finalizers: null } } },
          );
        },
      });
      await letGo;
      expect([waited.code, waited.err]).to.deep.equal([0, '']);
      expect((await world.admin.list(tasks)).items).to.deep.equal([]);
    });

    it('goes on after one that is not there, and refuses to guess', async () => {
      await seed('b');
      const { code, out, err } = await gantry('delete task a b');
      expect([code, out, err]).to.deep.equal([
        1,
        'task.gantry.dev "b" deleted\n',
        'Error from server (NotFound): tasks.gantry.dev "a" not found\n',
      ]);
      expect((await gantry('delete task a --ignore-not-found')).code).to.equal(0);
      expect((await gantry('delete tasks')).err).to.equal(
        'gantry: name the tasks to delete, or choose with -l or --all\n',
      );
      expect((await gantry('delete task a --all')).code).to.equal(1);
      expect((await gantry('delete task a --grace-period=x')).err).to.match(/--grace-period: found "x"/);
    });
  });

  describe('wait', () => {
    const setReady = async (name: string): Promise<void> => {
      const task = await world.admin.get(tasks, { namespace: 'default', name });
      const at = '2026-01-01T00:00:00Z';
      const conditions = [
        { type: 'Ready', status: 'True' as const, reason: 'R', message: 'm', lastTransitionTime: at },
      ];
      const observedGeneration = task.metadata.generation ?? 0;
      await world.admin.update(
        tasks,
        { ...task, status: { phase: 'Running', observedGeneration, conditions } },
        { subresource: 'status' },
      );
    };

    it('waits for a condition', async () => {
      await seed('a');
      const waiting = gantry('wait task/a --for=condition=Ready --timeout=5s');
      await setReady('a');
      expect(await waiting).to.deep.equal({ code: 0, out: 'task.gantry.dev/a condition met\n', err: '' });
    });

    it('does not believe a condition of an older generation', async () => {
      await seed('a');
      await setReady('a');
      expect((await gantry('wait task/a --for=condition=Ready --timeout=0')).code).to.equal(0);
      await gantry('apply -f -', { stdin: manifest('a', '  desiredState: Stopped\n') });
      const { code, err } = await gantry('wait task/a --for=condition=Ready --timeout=50ms');
      expect([code, err]).to.deep.equal([
        1,
        'gantry: timed out after 0.05 s waiting for condition Ready=True on tasks/a\n',
      ]);
    });

    it('waits for a field, for the object and for its end', async () => {
      const appearing = gantry('wait task/a --for=create --timeout=5s');
      await seed('a');
      expect((await appearing).code).to.equal(0);
      const field = gantry('wait task a --for=jsonpath={.status.phase}=Running --timeout=5s');
      await setReady('a');
      expect((await field).out).to.equal('task.gantry.dev/a condition met\n');
      expect((await gantry('wait tasks --all --for=jsonpath={.status.phase}')).code).to.equal(0);
      const end = gantry('wait task/a --for=delete --timeout=5s');
      await world.admin.delete(tasks, { namespace: 'default', name: 'a' });
      expect((await end).code).to.equal(0);
    });

    it('says at once what it cannot wait for', async () => {
      expect((await gantry('wait task/a --for=condition=Ready')).err).to.equal(
        'Error from server (NotFound): tasks.gantry.dev "a" not found\n',
      );
      expect((await gantry('wait task/a --for=nonsense')).err).to.match(
        /^gantry: --for: found "nonsense", wanted condition=/,
      );
      expect((await gantry('wait task/a --for=delete --timeout=x')).err).to.match(/--timeout: found "x"/);
      expect((await gantry('wait tasks --for=delete')).err).to.match(/name an object/);
    });
  });

  describe('logs', () => {
    beforeEach(async () => {
      await world.addWorker('alpha');
      await seed('a');
      await world.admin.post(tasks, { namespace: 'default', name: 'a' }, 'binding', {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: { name: 'a', namespace: 'default' },
        target: { name: 'alpha' },
        epoch: 1,
      });
    });

    it('prints what the container wrote', async () => {
      expect(await gantry('logs a')).to.deep.equal({ code: 0, out: 'one\ntwo\n', err: '' });
      expect((await gantry('logs task/a --tail 5 --since 5m --timestamps')).code).to.equal(0);
      expect(logRequests[1]).to.include({
        worker: 'alpha',
        name: 'a',
        tailLines: 5,
        timestamps: true,
        follow: false,
      });
    });

    it('asks for one attempt, one stream, and lists what is kept', async () => {
      expect((await gantry('logs a --attempt 3 --stream stderr')).code).to.equal(0);
      expect(logRequests[0]).to.include({ attempt: 3, stream: 'stderr', previous: false });
      expect((await gantry('logs a --attempts')).out).to.equal(
        'ATTEMPT   STATE      REASON   EXIT   STARTED                FINISHED               BYTES\n' +
          '2         running    -        -      2026-01-01T00:00:09Z   -                      -\n' +
          '1         archived   Error    3      2026-01-01T00:00:00Z   2026-01-01T00:00:08Z   120\n',
      );
      expect((await gantry('logs a --stream both')).err).to.match(/--stream: found "both", wanted stdout/);
      expect((await gantry('logs a --at -1s --revision 3')).err).to.match(/cannot be given together/);
    });

    it('reads the log of a Task that is deleted, and is told when it was there', async () => {
      const { metadata } = await world.admin.get(tasks, { namespace: 'default', name: 'a' });
      world.clock.advance(60_000);
      await world.admin.delete(tasks, { namespace: 'default', name: 'a' });
      // As its worker does when its containers are gone.
      const { finalizers: _, ...leaving } = (
        await world.admin.get(tasks, { namespace: 'default', name: 'a' })
      ).metadata;
      const task = await world.admin.get(tasks, { namespace: 'default', name: 'a' });
      await world.admin.update(tasks, { ...task, metadata: leaving });
      world.clock.advance(30_000);
      const refused = await gantry('logs a');
      expect(refused.err).to.match(
        /not found: it was deleted about (\S+Z); to read what is still kept of its log/,
      );
      const at = /at=(\S+Z)/.exec(refused.err)?.[1] ?? '';
      expect(await gantry(`logs a --at ${at}`)).to.deep.equal({ code: 0, out: 'one\ntwo\n', err: '' });
      expect((await gantry(`logs a --revision ${metadata.resourceVersion}`)).out).to.equal('one\ntwo\n');
    });

    it('follows until it is interrupted', async () => {
      const stop = new AbortController();
      const { out, err } = await gantry('logs -f a', {
        signal: stop.signal,
        onOutput: (text) => {
          if (text.endsWith('two\n')) stop.abort();
        },
      });
      expect([out, err]).to.deep.equal(['one\ntwo\n', '']);
    });

    it("passes the server's refusal on, and refuses what it cannot read", async () => {
      expect((await gantry('logs a --previous')).err).to.equal(
        'Error from server (NotFound): there is no container before the newest\n',
      );
      expect((await gantry('logs nope')).code).to.equal(1);
      expect((await gantry('logs a --since soon')).err).to.match(/--since: found "soon"/);
      expect((await gantry('logs worker/a')).err).to.match(/logs are those of a Task/);
    });
  });

  describe('version and config', () => {
    it('tells both versions, and its own when there is no server', async () => {
      const { code, out } = await gantry('version');
      expect(code).to.equal(0);
      expect(out).to.match(/^Client Version: 0\.1\.0 .*\nServer Version: v1\.33\.0\+gantry\.0\.1\.0 /);
      const json: unknown = JSON.parse((await gantry('version -o json')).out);
      expect(readPath(json, ['clientVersion', 'version'])).to.equal('0.1.0');
      await server.close();
      const alone = await gantry('version');
      expect([alone.code, alone.out.split('\n').length]).to.deep.equal([1, 2]);
      expect(alone.err).to.match(
        /^gantry: the connection to the server 127\.0\.0\.1:\d+ was refused - did you start it with "gantry up"\?\n$/,
      );
    });

    it('shows every setting with its source', async () => {
      const { out } = await gantry('config --secure-port 5', { env: { GANTRY_DEV: 'true' } });
      expect(out).to.match(/^SETTING +VALUE +FROM\n/);
      expect(out).to.match(/\nsecurePort +5 +flag \(--secure-port\)\n/);
      expect(out).to.match(/\ndev +true +environment \(GANTRY_DEV\)\n/);
      const json: unknown = JSON.parse((await gantry('config -o json')).out);
      expect(json).to.deep.include({ name: 'securePort', value: '7443', source: 'default', where: '' });
      expect((await gantry('config --secure-port x')).err).to.match(
        /^gantry: setting securePort \(from --secure-port\): found "x"/,
      );
    });
  });

  describe('on the command line', () => {
    it('helps, and refuses what it does not know', async () => {
      expect((await gantry('--help')).out).to.match(/^Usage:\n  gantry \[command\]$/m);
      const unknown = await gantry('frob');
      expect([unknown.code, unknown.out]).to.deep.equal([1, '']);
      expect(unknown.err).to.match(/unknown command 'frob'/);
      expect((await gantry('get')).err).to.match(/missing required argument 'kind'/);
    });

    it('shows causes only when asked', async () => {
      const plain = await gantry('apply -f nope.yaml');
      expect(plain.err.split('\n')).to.have.length(2);
      const debugged = await gantry('apply -f nope.yaml', { env: { GANTRY_DEBUG: '1' } });
      expect(debugged.err).to.match(/ENOENT/);
    });
  });
});
