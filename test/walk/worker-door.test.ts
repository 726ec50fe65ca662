/** The plain listeners of manager and worker, as a user of the original meets them: one command, two ports, curl. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isRecord } from '../../machinery/json.ts';
import { document } from '../../schemas/doors/tasks.gen.ts';
import { conforms } from '../api/doors/openapi.ts';
import { command, eventually, freePort, GantryProcess } from './process.ts';

const root = join(import.meta.dirname, '..', '..');
const hack = join(root, 'hack', 'gantry');
const ID = '266592cd-960d-4091-981c-8c25c44b1018';

describe('Walk: the plain listeners of manager and worker', function () {
  this.timeout(90_000);

  describe('of one command', () => {
    let gantry: GantryProcess;
    before(async () => {
      gantry = await GantryProcess.open();
    });
    after(async () => gantry.dispose());

    const worker = (path: string, init?: RequestInit): Promise<Response> =>
      fetch(`http://localhost:${gantry.workerPort}${path}`, init);
    const manager = (path: string): Promise<Response> =>
      fetch(`http://localhost:${gantry.managerPort}${path}`);
    const listOf = async (answer: Promise<Response>): Promise<Record<string, unknown>[]> => {
      const items: unknown = await (await answer).json();
      return Array.isArray(items) ? items.filter(isRecord) : [];
    };
    const stateOf = async (): Promise<unknown> =>
      (await listOf(worker('/tasks'))).find((item) => item.ID === ID)?.State;

    it('D0.8 prints where worker and manager are, each on a line of its own, the worker first', () => {
      const lines = gantry.log.split('\n').filter((line) => line.startsWith('Starting '));
      expect(lines).to.deep.equal([
        `Starting Gantry worker at localhost:${gantry.workerPort}`,
        `Starting Gantry manager at localhost:${gantry.managerPort}`,
      ]);
    });

    it('D0.7 a task that is posted to the worker runs there, is counted, and stops there', async () => {
      const body = JSON.stringify({
        ID,
        State: 2,
        Task: { State: 1, ID, Name: 'test-from-api-777', Image: 'gantry/hello:1', Memory: 33_554_432 },
      });
      const headers = { 'Content-Type': 'application/json' };
      const answer = await worker('/tasks', { method: 'POST', body, headers });
      expect(answer.status).to.equal(201);
      await eventually('it runs', async () => ((await stateOf()) === 2 ? true : undefined));
      const [node] = await listOf(manager('/nodes'));
      conforms(document, 'GET', '/nodes', 200, 'application/json', [node]);
      expect(node).to.include({
        Api: `http://127.0.0.1:${gantry.workerPort}`,
        Status: 'Ready',
        TaskCount: 1,
        MemoryAllocated: 33_554_432,
      });
      expect(node?.Memory)
        .to.be.a('number')
        .greaterThan(2 ** 28);
      expect(Date.now() - Date.parse(String(node?.LastHeartbeatAt))).to.be.lessThan(10_000);
      expect((await worker(`/tasks/${ID}`, { method: 'DELETE' })).status).to.equal(204);
      await eventually('it has stopped', async () => ((await stateOf()) === 3 ? true : undefined));
      await eventually('it is not counted', async () => {
        const stats: unknown = await (await worker('/stats')).json();
        return isRecord(stats) && stats.TaskCount === 0 ? true : undefined;
      });
    });

    it('D0.7 GET /stats tells what the machine really has and uses', async () => {
      const answer = await worker('/stats');
      expect(answer.headers.get('content-type')).to.equal('application/json');
      const stats: unknown = await answer.json();
      conforms(document, 'GET', '/stats', 200, 'application/json', stats);
      expect(stats)
        .to.have.nested.property('MemStats.mem_total')
        .that.is.greaterThan(2 ** 18);
      expect(stats)
        .to.have.nested.property('DiskStats.all')
        .that.is.greaterThan(2 ** 28);
      expect(stats).to.have.nested.property('CpuStats.user').that.is.greaterThan(0);
      expect(stats).to.have.nested.property('LoadStats.process_total').that.is.greaterThan(0);
    });

    it('D0.7 D0.11 every request that docs/doors/worker.md shows does what it says', async () => {
      const text = readFileSync(join(root, 'docs', 'doors', 'worker.md'), 'utf8');
      const lines = text.split('\n').filter((line) => line.startsWith('curl '));
      expect(lines).to.have.length(5);
      for (const line of lines) {
        const here = line
          .replace('curl ', 'curl --silent --show-error --fail ')
          .replace('localhost:8888', `localhost:${gantry.workerPort}`)
          .replace('localhost:8000', `localhost:${gantry.managerPort}`);
        expect(await command('sh', ['-c', here]), line).to.include({ code: 0, stderr: '' });
      }
    });

    it('D0.7 the worker answers for nothing but its own paths, and no page of elsewhere', async () => {
      expect((await worker('/nodes')).status).to.equal(404);
      expect((await worker('/apis/gantry.dev/v1/workers')).status).to.equal(404);
      const foreign = await worker('/stats', { headers: { Origin: 'https://elsewhere.example' } });
      expect(foreign.status).to.equal(403);
    });
  });

  describe('before they start', () => {
    let home: string;
    beforeEach(() => {
      home = mkdtempSync(join(tmpdir(), 'gantry-walk-'));
    });
    afterEach(() => rmSync(home, { recursive: true, force: true }));

    const LISTENERS = ['secure', 'api', 'grpc', 'worker', 'manager'] as const;

    for (const busy of LISTENERS) {
      it(`D0.8 a busy ${busy} port is one sentence that names it and the setting, and nothing is left`, async () => {
        const holder = await hold();
        try {
          const ports = new Map<string, number>();
          for (const name of LISTENERS) ports.set(name, name === busy ? portOf(holder) : await freePort());
          const pidFile = join(home, 'pid');
          const flags = [...ports].flatMap(([name, port]) => [`--${name}-port`, String(port)]);
          const up = ['up', '--dev', '--home', join(home, 'data'), '--pid-file', pidFile, ...flags];
          const answer = await command(hack, up, { timeoutMs: 30_000, env: { GANTRY_LOG_LEVEL: 'silent' } });
          expect(answer.code).to.equal(1);
          expect(answer.stderr.trim()).to.equal(
            `gantry: cannot listen on 127.0.0.1:${portOf(holder)}: the port is in use by another process; stop it, or choose another port (--${busy}-port, or GANTRY_${busy.toUpperCase()}_PORT)`,
          );
          expect(answer.stdout, 'nothing is said to have started').to.equal('');
          expect(existsSync(pidFile)).to.equal(false);
          for (const port of ports.values()) {
            if (port !== portOf(holder)) await closed(await hold(port));
          }
        } finally {
          await closed(holder);
        }
      });
    }

    it('D0.8 an address that the machine does not have is one sentence that names the setting', async () => {
      const words = [
        'server',
        '--home',
        join(home, 'data'),
        '--bind-address',
        '203.0.113.9',
        '--secure-port',
        '0',
      ];
      const answer = await command(hack, words, { timeoutMs: 30_000, env: { GANTRY_LOG_LEVEL: 'silent' } });
      expect(answer.code).to.equal(1);
      expect(answer.stderr.trim()).to.equal(
        'gantry: cannot listen on 203.0.113.9:0: this machine has no such address; choose one of its own, such as 127.0.0.1 (--bind-address, or GANTRY_BIND_ADDRESS)',
      );
    });

    it('D0.8 hosts and ports come from the environment and from .env', async () => {
      const [secure, managerPort, workerPort] = [await freePort(), await freePort(), await freePort()];
      writeFileSync(
        join(home, '.env'),
        `GANTRY_MANAGER_HOST=127.0.0.2\nGANTRY_MANAGER_PORT=${managerPort}\nGANTRY_WORKER_PORT=1\n`,
      );
      const words = ['up', '--dev', '--no-api', '--no-grpc', '--secure-port', String(secure)];
      const child = spawn(hack, words, {
        cwd: home,
        env: { ...process.env, GANTRY_LOG_LEVEL: 'silent', GANTRY_WORKER_PORT: String(workerPort) },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        let said = '';
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString();
        });
        await eventually('it has started', () => (said.includes('Gantry serves') ? true : undefined));
        expect(said.split('\n').filter((line) => line.startsWith('Starting'))).to.deep.equal([
          `Starting Gantry worker at localhost:${workerPort}`,
          `Starting Gantry manager at 127.0.0.2:${managerPort}`,
        ]);
        expect((await fetch(`http://127.0.0.2:${managerPort}/nodes`)).status).to.equal(200);
        expect((await fetch(`http://127.0.0.1:${workerPort}/tasks`)).status).to.equal(200);
      } finally {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      expect(child.exitCode).to.equal(0);
    });
  });
});

async function hold(port = 0): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
