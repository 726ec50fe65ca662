/** Processes and connections on a real engine: what only Docker does, what only Docker can break, and the bulk. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import type { ProcessOptions, ProcessSession } from '../../machinery/runtime.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { DockerStats } from '../../runtime/docker/stats.ts';
import { EngineProxy } from './engine-proxy.ts';
import { collect, eventually, rejection } from './expectations.ts';
import { TEST_LABEL } from './rig.ts';
import { docker, endpoint, IMAGE, isLeftOut, prepareEngine, shell, sweep } from './sample-engine.ts';

const plain: ProcessOptions = { stdin: false, stdout: true, stderr: true, tty: false };
const withInput: ProcessOptions = { ...plain, stdin: true };
const { signal } = new AbortController();
let counter = 0;

interface Made {
  readonly Cmd: readonly string[];
  readonly OpenStdin?: boolean;
  readonly Tty?: boolean;
  readonly HostConfig?: object;
}

async function made(settings: Made): Promise<string> {
  const container = await docker.createContainer({
    name: `gantry-rttest-${process.pid}-process-${++counter}`,
    Image: IMAGE,
    Labels: { [TEST_LABEL]: 'runtime' },
    HostConfig: { NetworkMode: 'none' },
    ...settings,
    Cmd: [...settings.Cmd],
  });
  await container.start();
  return container.id;
}

async function textOf(session: ProcessSession): Promise<string> {
  const chunks = await collect(session.output);
  return Buffer.concat(chunks.map(({ data }) => data)).toString();
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

(isLeftOut ? describe.skip : describe)('DockerRuntime: processes and connections', function () {
  this.timeout(60_000);
  const runtime = new DockerRuntime(endpoint, systemClock);
  let idle: string;
  let proxy: EngineProxy;

  before(async () => {
    await prepareEngine();
    idle = await made({ Cmd: ['sleep', '3600'] });
  });
  beforeEach(async () => {
    proxy = await EngineProxy.open(endpoint);
  });
  afterEach(() => proxy.close());
  after(sweep);

  it('copies 100 MB through a process, every byte, in bounded memory', async () => {
    const session = await runtime.exec(idle, ['cat'], withInput, signal);
    const piece = Buffer.alloc(1_000_000);
    for (let at = 0; at < piece.length; at++) piece[at] = (at * 31 + (at >> 8)) & 255;
    const sent = createHash('sha256');
    const feed = async (): Promise<void> => {
      for (let round = 0; round < 100; round++) {
        piece.writeUInt32BE(round);
        sent.update(piece);
        await session.write(Buffer.from(piece));
      }
      session.endInput();
    };
    const received = createHash('sha256');
    const startBytes = process.memoryUsage().rss;
    let mostBytes = 0;
    const read = async (): Promise<void> => {
      for await (const { data } of session.output) {
        received.update(data);
        mostBytes = Math.max(mostBytes, process.memoryUsage().rss);
      }
    };
    await Promise.all([feed(), read()]);
    expect(await session.ended).to.deep.equal({ exitCode: 0 });
    expect(received.digest('hex')).to.equal(sent.digest('hex'));
    expect(mostBytes - startBytes).to.be.lessThan(100_000_000);
  });

  it('copies a folder in and out as kubectl cp does, through tar', async () => {
    const unpack = await runtime.exec(idle, ['tar', 'xmf', '-', '-C', '/tmp'], withInput, signal);
    const pack = await runtime.exec(idle, ['tar', 'cf', '-', '-C', '/', 'www', 'etc'], plain, signal);
    const packed = await collect(pack.output);
    expect(await pack.ended).to.deep.equal({ exitCode: 0 });
    for (const { data } of packed) await unpack.write(data);
    unpack.endInput();
    expect(await textOf(unpack)).to.equal('');
    expect(await unpack.ended).to.deep.equal({ exitCode: 0 });
    const compare = await runtime.exec(
      idle,
      shell('cat /www/index.html /etc/passwd | md5sum; cat /tmp/www/index.html /tmp/etc/passwd | md5sum'),
      plain,
      signal,
    );
    const [original, copy] = (await textOf(compare)).trim().split('\n');
    expect(copy)
      .to.equal(original)
      .and.to.match(/^[0-9a-f]{32} /);
  });

  it('waits for the exit code of a process that closed its output', async () => {
    const session = await runtime.exec(idle, shell('exec >&- 2>&-; sleep 0.5; exit 4'), plain, signal);
    expect(await textOf(session)).to.equal('');
    expect(await session.ended).to.deep.equal({ exitCode: 4 });
  });

  it('gives a terminal a ^P as it is typed', async () => {
    const session = await runtime.exec(
      idle,
      shell('stty raw -echo; echo ready; head -c 2 | od -An -tx1'),
      { stdin: true, stdout: true, stderr: true, tty: true },
      signal,
    );
    let text = '';
    let isSent = false;
    for await (const { data } of session.output) {
      text += Buffer.from(data).toString();
      if (!text.includes('ready') || isSent) continue;
      isSent = true;
      await session.write(Buffer.from([0x10, 0x11]));
    }
    expect(text).to.match(/10 11/);
    expect(await session.ended).to.deep.equal({ exitCode: 0 });
  });

  it('hands input and sizes to a first process that was made to take them', async () => {
    const id = await made({
      Cmd: shell('while read line; do stty size; done; exit 5'),
      OpenStdin: true,
      Tty: true,
    });
    const session = await runtime.attach(id, { stdin: true, stdout: true, stderr: true, tty: true }, signal);
    await session.resize({ rows: 21, columns: 77 });
    await session.write(Buffer.from('\n'));
    let text = '';
    for await (const { stream, data } of session.output) {
      expect(stream).to.equal('stdout');
      text += Buffer.from(data).toString();
      // The end of input, as a terminal has it.
      if (text.includes('21 77')) await session.write(Buffer.from([4]));
    }
    expect(text).to.include('21 77');
    expect(await session.ended).to.deep.equal({ exitCode: 5 });
  });

  it('leaves the first process running when its terminal is let go', async () => {
    const id = await made({ Cmd: shell('while read line; do echo got $line; done'), OpenStdin: true });
    const first = await runtime.attach(id, withInput, signal);
    await first.write(Buffer.from('one\n'));
    for await (const { data } of first.output) {
      expect(Buffer.from(data).toString()).to.equal('got one\n');
      break;
    }
    first.close();
    const second = await runtime.attach(id, withInput, signal);
    await second.write(Buffer.from('two\n'));
    for await (const { data } of second.output) {
      expect(Buffer.from(data).toString()).to.equal('got two\n');
      break;
    }
    second.close();
  });

  it('tells that the connection was lost, and ends what is open', async () => {
    const distant = new DockerRuntime(proxy.endpoint, systemClock);
    const session = await distant.exec(idle, ['cat'], withInput, signal);
    await session.write(Buffer.from('here'));
    const reading = (async () => {
      for await (const _ of session.output) await proxy.refuse();
    })();
    await reading;
    await rejection(session.ended, 'Unavailable');
    await session.write(Buffer.from('late'));
    await rejection(distant.exec(idle, ['true'], plain, signal), 'Unavailable');
    await rejection(distant.attach(idle, plain, signal), 'Unavailable');
    await rejection(distant.dial(idle, 80, signal), 'Unavailable');
    await rejection(distant.stats(idle, signal), 'Unavailable');
  });

  it('gives up on an engine that takes the call and never answers', async () => {
    proxy.isStalled = true;
    const distant = new DockerRuntime(proxy.endpoint, systemClock);
    const leaving = new AbortController();
    const calls = [
      distant.exec(idle, ['true'], plain, leaving.signal),
      distant.attach(idle, plain, leaving.signal),
      distant.dial(idle, 80, leaving.signal),
      distant.stats(idle, leaving.signal),
    ].map((call) => rejection(call, 'Unavailable'));
    await eventually(() => Promise.resolve(proxy.connections >= 4 || undefined), 'four calls under way');
    leaving.abort();
    await Promise.all(calls);
  });

  it('takes an answer that hands nothing over for a failure', async () => {
    proxy.answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi';
    proxy.answersTo = /\/exec\/.*\/start/;
    await rejection(
      new DockerRuntime(proxy.endpoint, systemClock).exec(idle, ['true'], plain, signal),
      'Failed',
    );
  });

  it('leaves no open file behind after many processes, ended, refused, closed and aborted', async () => {
    const once = async (round: number): Promise<void> => {
      if (round % 4 === 0) {
        const session = await runtime.exec(idle, ['true'], plain, signal);
        await textOf(session);
        await session.ended;
      } else if (round % 4 === 1) {
        (await runtime.exec(idle, ['sleep', '0.1'], withInput, signal)).close();
      } else if (round % 4 === 2) {
        const leaving = new AbortController();
        const starting = runtime.exec(idle, ['sleep', '0.1'], withInput, leaving.signal);
        const session = await (round % 8 === 2 ? starting : Promise.resolve(undefined));
        leaving.abort();
        await starting.then(
          (started) => started.ended,
          () => session,
        );
      } else await rejection(runtime.exec('missing', ['true'], plain, signal), 'NotFound');
    };
    for (let round = 0; round < 8; round++) await once(round);
    const before = openFiles();
    for (let round = 0; round < 80; round++) await once(round);
    await eventually(
      () => Promise.resolve(openFiles() <= before + 3 || undefined),
      `no more than ${before} open files, there are ${openFiles()}`,
    );
  });

  it('reaches a page that is served on loopback alone, and one that is served to all', async () => {
    const bridge = { NetworkMode: 'bridge' };
    for (const address of ['127.0.0.1:8080', '8080']) {
      const id = await made({ Cmd: ['httpd', '-f', '-p', address, '-h', '/www'], HostConfig: bridge });
      const connection = await eventually(
        () => runtime.dial(id, 8080, signal).catch(() => undefined),
        `a connection to ${address}`,
      );
      connection.write('GET /index.html HTTP/1.0\r\n\r\n');
      const parts: Buffer[] = [];
      for await (const part of connection) parts.push(Buffer.from(part));
      expect(Buffer.concat(parts).toString()).to.match(/^HTTP\/1\.[01] 200 OK[^]*Hello from Gantry/);
      connection.destroy();
    }
  });

  it('names every way it tried when nobody listens', async () => {
    const id = await made({ Cmd: ['sleep', '3600'], HostConfig: { NetworkMode: 'bridge' } });
    const { message } = await rejection(runtime.dial(id, 81, signal), 'Failed');
    expect(message).to.match(/tried \d+\.\d+\.\d+\.\d+:81 \(connection refused\), loopback port 81 inside/);
    await rejection(runtime.dial(id, 0, signal), 'InvalidSpec');
    await rejection(runtime.dial(id, 65_536, signal), 'InvalidSpec');
  });

  it('measures as the engine does', async () => {
    // Something to do afterwards: the shell would become its last command, and what it holds would be gone.
    const hold = 'x=$(head -c 20000000 /dev/zero | tr "\\0" x); sleep 3600; echo "$x"';
    const id = await made({ Cmd: shell(hold) });
    const engine = new DockerStats({ clock: systemClock, isSameMachine: false });
    // What the container uses settles only after it has grown: the two are asked one after the other.
    const { ours, theirs } = await eventually(async () => {
      const ours = await runtime.stats(id, signal);
      const theirs = await engine.read(docker.getContainer(id), signal);
      if (ours === undefined || theirs === undefined) return undefined;
      const isClose = Math.abs(theirs.memoryBytes - ours.memoryBytes) < 5_000_000;
      return ours.memoryBytes > 20_000_000 && isClose ? { ours, theirs } : undefined;
    }, 'more than 20 MB in use, as both say');
    expect(Number(theirs.cpuNanoseconds - ours.cpuNanoseconds)).to.be.within(0, 1e9);
    expect(Math.abs(theirs.atMs - ours.atMs)).to.be.lessThan(10_000);
  });
});
