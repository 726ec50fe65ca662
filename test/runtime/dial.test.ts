/** The ways to a container's port: which are tried, in which order, and what is said when none leads there. */
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import type { ContainerInspectInfo } from 'dockerode';
import { systemClock } from '../../machinery/clock.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import type { DockerEndpoint } from '../../runtime/docker/connection.ts';
import { dialContainer } from '../../runtime/docker/dial.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { NetworkNamespaces } from '../../runtime/docker/namespaces.ts';
import { eventually, rejection } from './expectations.ts';
import { TEST_LABEL } from './rig.ts';
import { docker, endpoint, IMAGE, isLeftOut, prepareEngine, sweep } from './sample-engine.ts';

const { signal } = new AbortController();
const here: DockerEndpoint = { kind: 'unix', path: '/var/run/docker.sock' };
const distant: DockerEndpoint = { kind: 'tcp', host: '127.0.0.1', port: 1 };

interface Shape {
  readonly NetworkMode?: string;
  readonly address?: string;
  readonly published?: readonly { readonly HostIp: string; readonly HostPort: string }[];
}

/** As much of an inspection as a dial looks at. Nothing on this machine has process id 2^31-1. */
function inspection({ NetworkMode = 'bridge', address = '', published }: Shape): ContainerInspectInfo {
  const info: unknown = {
    Id: 'c0ffee',
    State: { Running: true, Status: 'running', Pid: 2 ** 31 - 1 },
    HostConfig: { NetworkMode },
    NetworkSettings: {
      Networks: { bridge: { IPAddress: address, GlobalIPv6Address: '' } },
      Ports: published === undefined ? {} : { '80/tcp': published },
    },
  };
  return info as ContainerInspectInfo;
}

describe('dialling a container', () => {
  let server: Server;
  let port: number;
  const namespaces = new NetworkNamespaces(systemClock);

  beforeEach(async () => {
    server = createServer((socket) => socket.end('here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  async function heard(from: DockerEndpoint, shape: Shape, wanted: number): Promise<string> {
    const deps = { clock: systemClock, endpoint: from, namespaces };
    const connection = await dialContainer(deps, inspection(shape), wanted, signal);
    connection.end();
    return (await Array.fromAsync(connection)).join('');
  }

  const HostPort = (): string => String(port);

  it('goes to the container’s own address, or the machine’s when it has none of its own', async () => {
    expect(await heard(here, { address: '127.0.0.1' }, port)).to.equal('here');
    expect(await heard(here, { NetworkMode: 'host' }, port)).to.equal('here');
  });

  it('goes to the published port of an engine elsewhere, then to the address', async () => {
    const onAny = { published: [{ HostIp: '0.0.0.0', HostPort: HostPort() }] };
    expect(await heard(distant, onAny, 80)).to.equal('here');
    const onOne = { published: [{ HostIp: '127.0.0.1', HostPort: HostPort() }] };
    expect(await heard(distant, onOne, 80)).to.equal('here');
    expect(await heard(distant, { address: '127.0.0.1' }, port)).to.equal('here');
    expect(await heard(distant, { NetworkMode: 'host' }, port)).to.equal('here');
  });

  it('says what was tried, each with what came of it', async () => {
    const nobody = await rejection(heard(here, { address: '127.0.0.1' }, 1), 'Failed');
    expect(nobody.message).to.match(
      /tried 127\.0\.0\.1:1 \(connection refused\), loopback port 1 inside its network namespace \(.+\)$/,
    );
    const lost = await rejection(heard(distant, {}, 80), 'Failed');
    expect(lost.message).to.include('it has no address that can be reached from here');
  });
});

(isLeftOut ? describe.skip : describe)('network namespaces', function () {
  this.timeout(20_000);
  const clock = new FakeClock();
  const runtime = new DockerRuntime(endpoint, clock);
  let id: string;

  before(async () => {
    await prepareEngine();
    const container = await docker.createContainer({
      name: `gantry-rttest-${process.pid}-namespace`,
      Image: IMAGE,
      Cmd: ['httpd', '-f', '-p', '127.0.0.1:8080', '-h', '/www'],
      Labels: { [TEST_LABEL]: 'runtime' },
      HostConfig: { NetworkMode: 'none' },
    });
    await container.start();
    id = container.id;
  });
  after(sweep);

  /** Process ids of dialers that this process started. */
  function dialers(): number[] {
    return readdirSync(`/proc/${process.pid}/task`)
      .flatMap((thread) => readFileSync(`/proc/${process.pid}/task/${thread}/children`, 'utf8').split(' '))
      .filter(
        (pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('namespace-dialer'),
      )
      .map(Number);
  }

  async function visit(): Promise<void> {
    const connection = await eventually(
      () => runtime.dial(id, 8080, signal).catch(() => undefined),
      'the page',
    );
    connection.end('GET / HTTP/1.0\r\n\r\n');
    expect((await Array.fromAsync(connection)).join('')).to.include('Hello from Gantry');
  }

  it('keeps one process for a container, and lets it go half a minute after its last use', async () => {
    await visit();
    const [pid] = dialers();
    await Promise.all([visit(), visit(), visit()]);
    expect(dialers()).to.deep.equal([pid]);
    clock.advance(29_000);
    await visit();
    clock.advance(29_000);
    await visit();
    expect(dialers()).to.deep.equal([pid]);
    clock.advance(30_000);
    await eventually(() => Promise.resolve(dialers().length === 0 || undefined), 'the process to end');
  });

  it('starts none for a port where nobody listens', async () => {
    await visit();
    clock.advance(30_000);
    await eventually(() => Promise.resolve(dialers().length === 0 || undefined), 'the process to end');
    const refused = await rejection(runtime.dial(id, 8081, signal), 'Failed');
    expect(refused.message).to.contain('(connection refused)');
    expect(dialers()).to.deep.equal([]);
  });

  it('starts another when somebody killed it', async () => {
    await visit();
    const [pid = 0] = dialers();
    process.kill(pid, 'SIGKILL');
    await eventually(() => Promise.resolve(!dialers().includes(pid) || undefined), 'its end');
    await visit();
    expect(dialers()).to.have.length(1);
  });

  it('lets who gives up go', async () => {
    const leaving = new AbortController();
    const dialling = rejection(runtime.dial(id, 8080, leaving.signal), 'Unavailable');
    leaving.abort();
    await dialling;
    await visit();
  });
});
