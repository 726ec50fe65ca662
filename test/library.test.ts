/** Gantry as a library: the built package, imported by its name from a folder that is not its own. */
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { isRecord } from '../machinery/json.ts';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** A program of somebody else's: the whole core in its own process, without Docker and without a port. */
const CORE = `
import { systemClock } from 'gantry/clock';
import { ControlPlane } from 'gantry/controllers';
import { controllerIdentity, GROUP_MASTERS } from 'gantry/identity';
import { runs, tasks, taskTemplates } from 'gantry/kinds';
import { silentLog } from 'gantry/log';
import { newMetrics } from 'gantry/metrics';
import { systemRandom } from 'gantry/random';
import { openRegistry } from 'gantry/registry';
import { openStore } from 'gantry/store';

const parts = { clock: systemClock, random: systemRandom, log: silentLog, metrics: newMetrics() };
const store = await openStore('memory:', parts);
const registry = await openRegistry({ ...parts, store });
const control = new ControlPlane({ ...parts, clientOf: (name) => registry.as(controllerIdentity(name)) });
const stop = new AbortController();
const running = control.run(stop.signal);
const client = registry.as({ name: 'me', groups: [GROUP_MASTERS] });
const metadata = { name: 'noop', namespace: 'default' };
await client.create(taskTemplates, { apiVersion: 'gantry.dev/v1', kind: 'TaskTemplate', metadata, spec: { template: { spec: { image: 'i' } } } });
await client.create(runs, { apiVersion: 'gantry.dev/v1', kind: 'Run', metadata, spec: { templateRef: { name: 'noop' } } });
for await (const { object } of client.watch(tasks, { namespace: 'default', resourceVersion: '0', signal: AbortSignal.timeout(20_000) })) {
  console.log(object.kind, 'of', object.metadata.ownerReferences[0].kind, object.metadata.ownerReferences[0].name);
  break;
}
stop.abort();
await running;
await registry.close();
await store.close();
`;

const CLIENTS = `
import { openJobsClient } from 'gantry/jobs';
import { JobType, StartRequestSchema } from 'gantry/jobs/messages';
import { newHttpClient } from 'gantry/client';
import { Informer } from 'gantry/informer';
import { loadKubeconfig } from 'gantry/kubeconfig';
import { isApiError } from 'gantry/errors';
import { startAgent } from 'gantry/agent';
import { openRuntime } from 'gantry/runtime';
console.log([openJobsClient, newHttpClient, Informer, loadKubeconfig, isApiError, startAgent, openRuntime].every((one) => typeof one === 'function'), JobType.Fibonacci, StartRequestSchema.typeName);
for (const name of ['gantry', 'gantry/cli/main.js', 'gantry/dist/cli/program.js']) {
  await import(name).catch((error) => console.log(error.code));
}
`;

describe('Gantry as a library', function () {
  this.timeout(240_000);
  let directory: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-library-'));
    const built = join(directory, 'built');
    await run(
      join(root, 'node_modules/.bin/tsc'),
      ['-p', 'tsconfig.build.json', '--outDir', join(built, 'dist')],
      { cwd: root },
    );
    copyFileSync(join(root, 'package.json'), join(built, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(built, 'node_modules'));
    mkdirSync(join(directory, 'mine/node_modules'), { recursive: true });
    symlinkSync(built, join(directory, 'mine/node_modules/gantry'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const program = async (text: string): Promise<string> => {
    const file = join(directory, 'mine/program.mjs');
    writeFileSync(file, text);
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: join(directory, 'mine') });
    expect(stderr).to.equal('');
    return stdout;
  };

  it('D4.1 the core runs in a program of somebody else: store, registry and controllers', async () => {
    expect(await program(CORE)).to.equal('Task of Run noop\n');
  });

  it('D4.1 its clients are there by name, and what is not named is not', async () => {
    const missing = 'ERR_PACKAGE_PATH_NOT_EXPORTED\n';
    expect(await program(CLIENTS)).to.equal(`true 1 gantry.jobs.v1.StartRequest\n${missing.repeat(3)}`);
  });

  it('D4.1 everything that package.json names is built, with its types, and told in the docs', () => {
    const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const named = isRecord(manifest) && isRecord(manifest['exports']) ? manifest['exports'] : {};
    const docs = readFileSync(join(root, 'docs/library.md'), 'utf8');
    for (const [name, file] of Object.entries(named)) {
      const path = join(directory, 'built', String(file));
      expect(existsSync(path), name).to.equal(true);
      if (name === './package.json') continue;
      expect(existsSync(path.replace(/\.js$/, '.d.ts')), name).to.equal(true);
      expect(docs, name).to.include(`\`gantry${name.slice(1)}\``);
    }
  });

  it('D4.1 the built command is the command', async () => {
    const { stdout } = await run(process.execPath, [
      join(directory, 'built/dist/cli/main.js'),
      'jobs',
      'start',
    ]);
    expect(stdout).to.include('  fib         Calculate the value of a position in the Fibonacci sequence\n');
  });
});
