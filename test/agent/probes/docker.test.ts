/** Probes of real containers: every form, on every network, and what is learned of them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server as GrpcServer, type handleUnaryCall, ServerCredentials } from '@grpc/grpc-js';
import { expect } from 'chai';
import { TaskProber } from '../../../agent/probes/prober.ts';
import type { EventInput } from '../../../controllers/engine/event.ts';
import type { Probe, ProbeState, ProbeTarget } from '../../../controllers/task/services.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { systemRandom } from '../../../machinery/random.ts';
import type { Runtime } from '../../../machinery/runtime.ts';
import { eventually } from '../../runtime/expectations.ts';
import { isLeftOut, prepareEngine } from '../../runtime/sample-engine.ts';
import { Containers } from './containers.ts';
import { Loopback } from './loopback.ts';

const SERVE = 'trap "exit 0" TERM; httpd -f -p 8080 -h /www & wait';
const WAIT = 'trap "exit 0" TERM; sleep 3600 & wait';

(isLeftOut ? describe.skip : describe)('probes of real containers', function () {
  this.timeout(60_000);
  const containers = new Containers();
  const loopback = new Loopback();
  let stopped: AbortController;
  let events: EventInput[];
  let prober: TaskProber;
  let dialled: number;

  before(prepareEngine);
  beforeEach(() => {
    stopped = new AbortController();
    events = [];
    dialled = 0;
    const { runtime } = containers;
    const counting: Runtime = Object.assign(Object.create(runtime) as Runtime, {
      dial: (id: string, port: number, signal: AbortSignal) => {
        dialled++;
        return runtime.dial(id, port, signal);
      },
      info: runtime.info.bind(runtime),
      inspect: runtime.inspect.bind(runtime),
      exec: runtime.exec.bind(runtime),
    });
    prober = new TaskProber({
      runtime: counting,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      events: { record: (event) => void events.push(event) },
      metrics: newMetrics(),
      version: 'test',
      signal: stopped.signal,
    });
  });
  afterEach(async () => {
    stopped.abort(new Error('the test is over'));
    await loopback.close();
    await containers.remove();
  });

  const every = (probe: Probe): Probe => ({ periodSeconds: 1, timeoutSeconds: 5, ...probe });
  const until = (
    target: ProbeTarget,
    what: string,
    isSo: (state: ProbeState) => boolean,
  ): Promise<ProbeState> =>
    eventually(
      () => {
        const state = prober.stateOf(target.containerId);
        return Promise.resolve(state !== undefined && isSo(state) ? state : undefined);
      },
      `${what}; it is ${JSON.stringify(prober.stateOf(target.containerId))}`,
    );
  const untilReady = (target: ProbeTarget): Promise<ProbeState> =>
    until(target, 'ready', ({ readiness }) => readiness === 'ready');
  const keep = async (script: string, spec: ProbeTarget['task']['spec'] | object): Promise<ProbeTarget> => {
    const target = await containers.run(script, spec);
    prober.keep(target);
    return target;
  };

  it('HTTP, to the container’s own address: the engine is not asked for it', async () => {
    const readinessProbe = every({ httpGet: { port: 'web', path: '/index.html' } });
    const ports = [{ name: 'web', containerPort: 8080 }];
    const target = await keep(SERVE, { ports, readinessProbe });
    await untilReady(target);
    const missing = every({ httpGet: { port: 'web', path: '/none' }, failureThreshold: 1 });
    const task = { ...target.task, spec: { ...target.task.spec, readinessProbe: missing } };
    prober.keep({ ...target, task });
    const { message } = await until(target, 'not ready', ({ readiness }) => readiness === 'notReady');
    expect(message).to.equal('Readiness probe failed: HTTP probe failed with statuscode: 404');
    expect(events.at(-1)).to.deep.include({ type: 'Warning', reason: 'Unhealthy', message });
    expect(dialled).to.be.lessThan(3);
  });

  it('HTTP and TCP, to one that listens on loopback alone, and to one without any network', async () => {
    const inside = 'trap "exit 0" TERM; httpd -f -p 127.0.0.1:8080 -h /www & wait';
    const readinessProbe = every({ httpGet: { port: 8080 }, timeoutSeconds: 10 });
    const alone = await keep(inside, { readinessProbe });
    const cut = await keep(SERVE, {
      network: { mode: 'none' },
      readinessProbe: every({ tcpSocket: { port: 8080 }, timeoutSeconds: 10 }),
    });
    await Promise.all([untilReady(alone), untilReady(cut)]);
  });

  it('HTTPS with headers, and gRPC, to servers on the machine’s own network', async () => {
    const home = mkdtempSync(join(tmpdir(), 'gantry-probetest-'));
    const [key, cert] = [join(home, 'key'), join(home, 'cert')];
    const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=any'];
    execFileSync('openssl', [...words, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const seen: (string | undefined)[] = [];
    const tls = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      const { host, 'x-word': word, 'user-agent': agent } = request.headers;
      seen.push([host, word, agent].join(' '));
      response.end();
    });
    rmSync(home, { recursive: true });
    const tlsPort = await loopback.listen(tls);
    const httpHeaders = [
      { name: 'Host', value: 'shop.example' },
      { name: 'X-Word', value: 'open' },
    ];
    const check = {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Buffer) => value,
      requestDeserialize: (value: Buffer) => value,
      responseSerialize: (value: Buffer) => value,
      responseDeserialize: (value: Buffer) => value,
    } as const;
    let status = 1;
    const answer: handleUnaryCall<Buffer, Buffer> = (_, reply) => reply(null, Buffer.from([0x08, status]));
    const grpc = new GrpcServer();
    grpc.addService({ Check: check }, { Check: answer });
    const grpcPort = await new Promise<number>((resolve, reject) => {
      grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    try {
      const target = await keep(WAIT, {
        network: { mode: 'host' },
        startupProbe: every({ httpGet: { port: tlsPort, scheme: 'HTTPS', httpHeaders } }),
        readinessProbe: every({ grpc: { port: grpcPort }, failureThreshold: 1 }),
      });
      await untilReady(target);
      expect(seen.at(-1)).to.equal('shop.example open gantry-probe/test');
      status = 2;
      const { message } = await until(target, 'not ready', ({ readiness }) => readiness === 'notReady');
      expect(message).to.equal('Readiness probe failed: service unhealthy (responded with "NOT_SERVING")');
    } finally {
      grpc.forceShutdown();
    }
  });

  it('another host, where one is given', async () => {
    const port = await loopback.listen(createHttpServer((_, response) => response.end()));
    const target = await keep(WAIT, {
      readinessProbe: every({ httpGet: { port, host: '127.0.0.1' } }),
      livenessProbe: every({ tcpSocket: { port, host: '127.0.0.1' } }),
    });
    await untilReady(target);
    expect(dialled).to.equal(0);
  });

  it('exec: readiness follows a file, in the words of the command', async () => {
    const target = await keep(WAIT, {
      readinessProbe: every({ exec: { command: ['cat', '/tmp/ready'] }, failureThreshold: 1 }),
    });
    const { message } = await until(target, 'a word', (state) => state.message !== undefined);
    expect(message).to.equal(
      "Readiness probe failed: cat: can't open '/tmp/ready': No such file or directory",
    );
    await containers.look(target.containerId, 'touch /tmp/ready');
    await untilReady(target);
    await containers.look(target.containerId, 'rm /tmp/ready');
    await until(target, 'not ready', ({ readiness }) => readiness === 'notReady');
  });

  it('exec: a command that the image does not have is a failure', async () => {
    const target = await keep(WAIT, { readinessProbe: every({ exec: { command: ['no-such-command'] } }) });
    const { message } = await until(target, 'a word', (state) => state.message !== undefined);
    expect(message).to.match(/^Readiness probe failed: .*executable file not found in \$PATH/);
  });

  it('exec: what is late is a failure, and nothing of it goes on', async () => {
    const target = await keep(WAIT, {
      livenessProbe: {
        exec: { command: ['sleep', '777'] },
        periodSeconds: 1,
        timeoutSeconds: 1,
        failureThreshold: 2,
      },
    });
    const { message } = await until(target, 'dead', ({ liveness }) => liveness === 'failed');
    expect(message).to.equal('Liveness probe failed: command "sleep 777" timed out after 1s');
    await eventually(async () => {
      const processes = await containers.look(target.containerId, 'ps -o args');
      return processes.includes('sleep 777') ? undefined : true;
    }, 'the end of the late command');
  });

  it('a startup probe holds the others until it has passed', async () => {
    const target = await keep(WAIT, {
      startupProbe: every({ exec: { command: ['test', '-f', '/tmp/started'] }, failureThreshold: 60 }),
      livenessProbe: every({ exec: { command: ['sh', '-c', 'echo x >> /tmp/asked'] } }),
    });
    await until(target, 'a word', ({ message }) => message !== undefined);
    expect(prober.stateOf(target.containerId)).to.include({ startup: 'pending', readiness: 'notReady' });
    expect(await containers.look(target.containerId, 'cat /tmp/asked')).to.contain('No such file');
    await containers.look(target.containerId, 'touch /tmp/started');
    expect(await untilReady(target)).to.include({ startup: 'passed', liveness: 'ok' });
    await eventually(
      async () => (await containers.look(target.containerId, 'cat /tmp/asked')).startsWith('x') || undefined,
      'the first question of the liveness probe',
    );
  });

  it('a container that goes away fails no probe by that', async () => {
    const target = await keep(SERVE, {
      livenessProbe: every({ exec: { command: ['true'] }, failureThreshold: 1 }),
      readinessProbe: every({ tcpSocket: { port: 8080 } }),
    });
    await untilReady(target);
    await containers.remove();
    await eventually(() => Promise.resolve(events.length > 0 || undefined), 'the engine’s word');
    expect(events[0]?.message).to.contain('errored');
    expect(prober.stateOf(target.containerId)?.liveness).to.equal('ok');
  });
});
