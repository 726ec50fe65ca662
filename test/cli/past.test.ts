/** The past on the command line: what was, and how to have it again. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { writeKubeconfig } from '../../client/kubeconfig.ts';
import { GROUP_MASTERS } from '../../machinery/identity.ts';
import { isRecord, readPath } from '../../machinery/json.ts';
import { tasks } from '../../schemas/kinds.ts';
import { Certificates, type SecureServer, serveSecurely } from '../client/secureserver.ts';
import { kubectls } from '../kubectl/versions.ts';
import { command } from '../walk/process.ts';
import { openWorld, type World } from '../world.ts';
import { type Ran, run } from './terminal.ts';

const certificates = new Certificates();
const manifest = (name: string, image: string, more = ''): string =>
  `apiVersion: gantry.dev/v1\nkind: Task\nmetadata:\n  name: ${name}\n  labels: {app: ${name}}\nspec:\n  image: ${image}\n${more}`;

describe('gantry and the past', () => {
  let directory: string;
  let world: World;
  let server: SecureServer;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-past-'));
    world = await openWorld();
    server = await serveSecurely(world, certificates);
    const identity = { name: 'admin', groups: [GROUP_MASTERS] };
    const [pki, credentials] = await Promise.all([certificates.pki(), certificates.of(identity)]);
    mkdirSync(join(directory, '.gantry'));
    await writeKubeconfig(join(directory, '.gantry/kubeconfig'), {
      server: server.url,
      authority: pki.authority,
      ...credentials,
    });
    await world.advance(60_000);
    await ok('apply -f -', manifest('hello', 'gantry/hello:1'));
    await world.advance(60_000);
    await ok('apply -f -', manifest('hello', 'gantry/hello:2', '  args: [--fast]\n'));
    await ok('apply -f -', manifest('other', 'gantry/hello:1'));
    await world.advance(60_000);
  });
  afterEach(async () => {
    await server.close();
    await world.close();
    rmSync(directory, { recursive: true, force: true });
  });
  after(() => certificates.remove());

  const gantry = (line: string, stdin?: string): Promise<Ran> =>
    run(line.split(' '), { directory, clock: world.clock, ...(stdin === undefined ? {} : { stdin }) });
  const ok = async (line: string, stdin?: string): Promise<string> => {
    const { code, out, err } = await gantry(line, stdin);
    expect(code, `gantry ${line}: ${err}`).to.equal(0);
    return out;
  };
  const fails = async (line: string): Promise<string> => {
    const { code, err } = await gantry(line);
    expect(code, `gantry ${line} should fail`).to.equal(1);
    return err;
  };

  it('gets what was, in every output, at a time or a revision', async () => {
    expect(await ok('get tasks --at -2m -o name')).to.equal('task.gantry.dev/hello\n');
    expect(await ok('get tasks --at=-30s -o name')).to.equal(
      'task.gantry.dev/hello\ntask.gantry.dev/other\n',
    );
    expect(await ok('get task hello --at 2026-01-01T00:01:30Z -o jsonpath={.spec.image}')).to.equal(
      'gantry/hello:1',
    );
    const table = await ok('get tasks --at 2026-01-01T00:01:10Z');
    expect(table).to.match(/^NAME +.*AGE *\nhello .* 10s *\n$/);
    const then = load(await ok('get task hello --at -2m -o yaml'));
    const revision = String(readPath(then, ['metadata', 'resourceVersion']));
    expect(await ok(`get task hello --revision ${revision} -o yaml`)).to.equal(
      await ok('get task hello --at -2m -o yaml'),
    );
    expect(await ok(`get task hello --at-revision ${revision} -o yaml`)).to.equal(
      await ok(`get task hello --revision ${revision} -o yaml`),
    );
    expect(await ok('get tasks --at 2m -o name')).to.equal(await ok('get tasks --at -2m -o name'));
    expect(await ok(`get tasks --revision ${revision} -A`)).to.match(/^NAMESPACE.*\ndefault +hello .*\n$/);
    expect(await ok('get tasks,pods -l app=hello --at -2m')).to.match(
      /task\.gantry\.dev\/hello[^]*pod\/hello/,
    );
    expect((await gantry('get tasks --at 2026-01-01T00:00:30Z')).err).to.equal(
      'No resources found in default namespace.\n',
    );
    expect(await ok('describe task hello --at -2m')).to.match(/Image: +gantry\/hello:1/);
  });

  it('reads everything of one command at one moment', async () => {
    const ages = await ok('get tasks,pods --at 2026-01-01T00:01:10Z');
    expect(ages.match(/ 10s/g)).to.have.length(2);
    const made = await world.admin.get(tasks, { namespace: 'default', name: 'hello' });
    const names = await ok('get task hello other --at -1ms -o jsonpath={.items[*].metadata.resourceVersion}');
    const other = await world.admin.get(tasks, { namespace: 'default', name: 'other' });
    expect(names).to.equal(`${made.metadata.resourceVersion} ${other.metadata.resourceVersion}`);
  });

  it('has again what was, with --export: what is deleted, and what is changed', async () => {
    const then = await ok('get task hello --at -2m -o yaml --export');
    expect(load(then)).to.deep.include({ apiVersion: 'gantry.dev/v1', kind: 'Task' });
    expect(readPath(load(then), ['metadata'])).to.deep.equal({
      name: 'hello',
      namespace: 'default',
      labels: { app: 'hello' },
    });
    expect(isRecord(load(then)) && 'status' in (load(then) as object)).to.equal(false);
    expect(await ok('apply -f -', then)).to.equal('task.gantry.dev/hello configured\n');
    const undone = await world.admin.get(tasks, { namespace: 'default', name: 'hello' });
    expect(undone.spec.image).to.equal('gantry/hello:1');
    expect(undone.spec.args ?? []).to.deep.equal([]);
    await world.advance(10_000);
    await world.admin.delete(tasks, { namespace: 'default', name: 'hello' });
    await world.admin.delete(tasks, { namespace: 'default', name: 'other' });
    await world.advance(60_000);
    const both = await ok('get tasks --at -65s -o json --export');
    expect(await ok('apply -f -', both)).to.equal(
      'task.gantry.dev/hello created\ntask.gantry.dev/other created\n',
    );
    const again = await world.admin.get(tasks, { namespace: 'default', name: 'hello' });
    expect(again.metadata.uid).not.to.equal(undone.metadata.uid);
    expect(again.spec).to.deep.equal(undone.spec);
  });

  it('says what stands in the way of applying an object as it was', async () => {
    const whole = await ok('get task hello --at -2m -o yaml');
    const { code, err } = await gantry('apply -f -', whole);
    expect(code).to.equal(1);
    expect(err).to.match(/changed|conflict|modified/i);
  });

  for (const { path, minor } of kubectls()) {
    it(`exports what kubectl 1.${minor} can apply and replace`, async function () {
      this.timeout(30_000);
      const then = await ok('get task hello --at -2m -o yaml --export');
      const kubectl = (...words: string[]) =>
        command(
          path,
          [
            '--kubeconfig',
            join(directory, '.gantry/kubeconfig'),
            '--cache-dir',
            join(directory, 'cache'),
            ...words,
          ],
          {
            input: then,
          },
        );
      const replaced = await kubectl('replace', '-f', '-');
      expect(replaced.stdout, replaced.stderr).to.equal('task.gantry.dev/hello replaced\n');
      await world.admin.delete(tasks, { namespace: 'default', name: 'hello' });
      const applied = await kubectl('apply', '-f', '-');
      expect(applied.stdout, applied.stderr).to.equal('task.gantry.dev/hello created\n');
    });
  }

  it('says what is wrong with what is asked', async () => {
    const rows: readonly (readonly [line: string, said: RegExp])[] = [
      ['get tasks --at -1m --revision 3', /^gantry: --at and --revision cannot be given together/],
      ['get tasks --at-revision 4 --revision 3', /^gantry: --at-revision and --revision cannot be given/],
      ['get tasks --at-revision soon', /^gantry: --at-revision: found "soon", wanted a number/],
      ['get tasks --revision soon', /^gantry: --revision: found "soon", wanted a number/],
      ['get tasks --revision 0', /^gantry: --revision: found "0"/],
      ['get tasks --at -1m -w', /^gantry: the past does not change: --watch cannot follow it/],
      ['get tasks --export', /^gantry: --export wants -o yaml or -o json/],
      ['get tasks --at soon', /^Error from server \(BadRequest\): at: found "soon", wanted a time such as/],
      ['get tasks --at 2126-01-01T00:00:00Z', /which is in the future/],
      [
        'get task hello --at -1h',
        /\(NotFound\): tasks\.gantry\.dev "hello" not found at 2025-12-31T23:03:00\.000Z/,
      ],
    ];
    for (const [line, said] of rows) expect(await fails(line), line).to.match(said);
    await world.store.compact(world.store.revision());
    expect(await fails('get tasks --at -2m')).to.match(
      /^Error from server \(Expired\): too old: .* kept from revision \d+ \(2026-01-01T00:02:00\.000Z\) on; ask for that or for something later\n$/,
    );
  });
});
