/** Exec and attach over WebSocket, with processes of this machine as the container. */
import { expect } from 'chai';
import { SessionLimit } from '../../../../api/server/streams/limit.ts';
import { ApiError } from '../../../../machinery/errors.ts';
import { roleBindings, roles } from '../../../../schemas/kinds.ts';
import { at, openServer, type TestServer } from '../harness.ts';
import { ChannelClient } from './channelclient.ts';
import { LocalContainer } from './localcontainer.ts';
import { running, runTask } from './rig.ts';

const PODS = '/api/v1/namespaces/default/pods';
const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;

const query = (command: readonly string[], flags: readonly string[] = ['stdout', 'stderr']): string =>
  [
    ...command.map((word) => `command=${encodeURIComponent(word)}`),
    ...flags.map((flag) => `${flag}=true`),
  ].join('&');
const shell = (script: string, flags?: readonly string[]): string => query(['sh', '-c', script], flags);

describe('exec and attach', () => {
  let server: TestServer;
  let container: LocalContainer;

  beforeEach(async () => {
    container = new LocalContainer();
    server = await openServer({ workerLink: container });
    await server.world.addWorker('w1');
    await runTask(server.world, 'hello', running);
  });
  afterEach(async () => {
    container.stop();
    await server.close();
  });

  const url = (path: string): string => `ws://127.0.0.1:${server.port}${path}`;
  const exec = (parameters: string, protocols?: readonly string[]): Promise<ChannelClient> =>
    ChannelClient.open(url(`${PODS}/hello/exec?${parameters}`), protocols);
  const longRunning = async (): Promise<number> => {
    const found = await server.world.metrics.getSingleMetric('apiserver_longrunning_requests')?.get();
    return found?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
  };

  for (const path of [PODS, TASKS]) {
    it(`tell output, error output and exit code at ${path}`, async () => {
      const client = await ChannelClient.open(
        url(`${path}/hello/exec?${shell('echo out; echo err >&2; exit 3')}`),
      );
      expect(await client.closed).to.deep.equal({ code: 1000, reason: '' });
      expect([client.text(STDOUT), client.text(STDERR)]).to.deep.equal(['out\n', 'err\n']);
      const status = JSON.parse(client.text(ERROR)) as unknown;
      expect(at(status, 'reason')).to.equal('NonZeroExitCode');
      expect(at(status, 'details.causes')).to.deep.equal([{ reason: 'ExitCode', message: '3' }]);
    });
  }

  const forms: readonly (readonly [protocols: readonly string[], chosen: string, ending: RegExp])[] = [
    [['v5.channel.k8s.io', 'v4.channel.k8s.io'], 'v5.channel.k8s.io', /^\{.*"status":"Success"/],
    [['v4.channel.k8s.io'], 'v4.channel.k8s.io', /^\{.*"status":"Success"/],
    [['v4.base64.channel.k8s.io'], 'v4.base64.channel.k8s.io', /^\{.*"status":"Success"/],
    [['base64.channel.k8s.io'], 'base64.channel.k8s.io', /^$/],
    [['channel.k8s.io'], 'channel.k8s.io', /^$/],
    [[], '', /^$/],
  ];
  for (const [protocols, chosen, ending] of forms) {
    it(`speak ${chosen === '' ? 'without a protocol' : chosen}`, async () => {
      const client = await exec(shell('read line; echo "got $line"', ['stdin', 'stdout']), protocols);
      expect(client.webSocket.protocol).to.equal(chosen);
      client.send(STDIN, 'a line\n');
      await client.closed;
      expect(client.text(STDOUT)).to.equal('got a line\n');
      expect(client.text(ERROR)).to.match(ending);
    });
  }

  it('take input in pieces, also as text, until its end', async () => {
    const client = await exec(shell('cat; echo done', ['stdin', 'stdout']));
    client.send(STDIN, 'one ');
    client.webSocket.send('\0two ');
    await client.until('both', () => client.text(STDOUT) === 'one two ');
    client.end(STDIN);
    await client.closed;
    expect(client.text(STDOUT)).to.equal('one two done\n');
  });

  it("know Python's booleans, and leave out the error output of a terminal", async () => {
    const client = await exec('command=true&stdout=True&stderr=True&stdin=False&tty=True');
    await client.closed;
    expect(container.options).to.deep.equal([{ stdin: false, stdout: true, stderr: false, tty: true }]);
  });

  it('pass on the size of the terminal', async () => {
    const client = await exec(shell('read line', ['stdin', 'stdout', 'tty']));
    client.send(RESIZE, '{"Width":91,"Height":33}');
    client.send(RESIZE, '{"Width":80,"Height":24}\n');
    client.send(STDIN, '\n');
    await client.closed;
    expect(container.sizes).to.deep.equal([
      { columns: 91, rows: 33 },
      { columns: 80, rows: 24 },
    ]);
  });

  it('join the first process, and call its end a success', async () => {
    container.main = 'read line; echo "main got $line"; exit 3';
    const client = await ChannelClient.open(url(`${PODS}/hello/attach?stdin=true&stdout=true`));
    client.send(STDIN, 'hi\n');
    await client.closed;
    expect(client.text(STDOUT)).to.equal('main got hi\n');
    expect(at(JSON.parse(client.text(ERROR)), 'status')).to.equal('Success');
  });

  it('tell on the error channel why a process could not be started', async () => {
    const client = await exec(query(['no-such-command']));
    await client.closed;
    const status = JSON.parse(client.text(ERROR)) as unknown;
    expect(at(status, 'reason')).to.equal('InternalError');
    expect(at(status, 'message')).to.match(
      /^Internal error occurred: error executing command in container: exec: "no-such-command": executable file not found/,
    );
  });

  it('tell an error as text where there is no Status', async () => {
    container.failure = new ApiError('ServiceUnavailable', 'the engine is away');
    const client = await exec(query(['true']), ['channel.k8s.io']);
    await client.closed;
    expect(client.text(ERROR)).to.match(/^Internal error occurred: .*the engine is away$/);
  });

  it('make the process wait for a client that does not read, and lose nothing', async () => {
    const total = 40_000_000;
    const client = await exec(query(['head', '-c', String(total), '/dev/zero'], ['stdout']));
    client.webSocket.pause();
    let before = -1;
    // Until the pipes are full nothing but time tells that they are.
    for (let calm = 0; calm < 20; ) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      const now = container.bytesRead;
      calm = now === before && now > 0 ? calm + 1 : 0;
      before = now;
    }
    expect(before).to.be.lessThan(total / 2);
    expect(container.running).to.equal(1);
    client.webSocket.resume();
    await client.closed;
    expect(client.bytes(STDOUT).length).to.equal(total);
  });

  it('hold back a client whose input is not read, without losing it', async () => {
    const client = await exec(query(['sleep', '1000'], ['stdin', 'stdout']));
    for (let sent = 0; sent < 512; sent++) client.send(STDIN, Buffer.alloc(32 * 1024));
    const pong = new Promise((resolve) => client.webSocket.once('pong', resolve));
    // It cannot be asked while nothing of it is read: so it is told, unasked, that we are there.
    while (
      !(await Promise.race([
        pong.then(() => true),
        new Promise<false>((resolve) => setImmediate(() => resolve(false))),
      ]))
    ) {
      server.world.clock.advance(5_000);
    }
    expect(client.webSocket.bufferedAmount).to.be.greaterThan(1_000_000);
    client.webSocket.terminate();
  });

  it('let go of the process when the client vanishes', async () => {
    const client = await exec(shell('cat', ['stdin', 'stdout']));
    client.send(STDIN, 'x');
    await client.until('an echo', () => client.text(STDOUT) === 'x');
    expect(await longRunning()).to.equal(1);
    client.webSocket.terminate();
    await client.closed;
    const [session] = container.sessions;
    await session?.ended;
    expect(session?.isClosed).to.equal(true);
    await server.world.settle();
    expect(await longRunning()).to.equal(0);
  });

  it('end a process that does not read its input when the client vanishes', async () => {
    const client = await exec(query(['sleep', '1000'], ['stdout']));
    await client.until('a process', () => container.sessions.length === 1);
    client.webSocket.terminate();
    await client.closed;
    const [session] = container.sessions;
    expect(await session?.ended).to.deep.equal({ exitCode: 137 });
  });

  it('end when the server stops, and say so', async () => {
    const client = await exec(shell('cat', ['stdin', 'stdout']));
    client.send(STDIN, 'x');
    await client.until('an echo', () => client.text(STDOUT) === 'x');
    const stopped = server.listener.stop(10_000);
    expect((await client.closed).code).to.equal(1000);
    expect(at(JSON.parse(client.text(ERROR)), 'reason')).to.equal('ServiceUnavailable');
    await stopped;
  });

  it('end the connection of a client that breaks the protocol', async () => {
    const client = await exec(shell('cat', ['stdin', 'stdout']), ['v4.base64.channel.k8s.io']);
    client.webSocket.send('0no base64!');
    expect((await client.closed).code).to.equal(1002);
  });

  const good = 'command=true&stdout=true';
  const refusals: readonly (readonly [why: string, path: string, code: number, says: RegExp])[] = [
    ['there is no such pod', `${PODS}/absent/exec?${good}`, 404, /^pods "absent" not found$/],
    ['there is no such task', `${TASKS}/absent/exec?${good}`, 404, /^tasks\.gantry\.dev "absent" not found$/],
    [
      'it has no such container',
      `${PODS}/hello/exec?${good}&container=other`,
      400,
      /^container other is not valid for pod hello$/,
    ],
    ['no command is given', `${PODS}/hello/exec?stdout=true`, 400, /at least one command/],
    ['no stream is wanted', `${PODS}/hello/exec?command=true`, 400, /at least 1 of stdin, stdout, stderr/],
    ['it is not placed', `${PODS}/waiting/exec?${good}`, 400, /^pod waiting does not have a host assigned$/],
    ['it has ended', `${PODS}/over/attach?stdout=true`, 400, /container not found \("over"\).*Succeeded/],
  ];
  describe('are refused before anything is changed when', () => {
    beforeEach(async () => {
      await runTask(server.world, 'over', { phase: 'Succeeded' });
      await server.ask('POST', TASKS, {
        body: {
          apiVersion: 'gantry.dev/v1',
          kind: 'Task',
          metadata: { name: 'waiting' },
          spec: { image: 'x' },
        },
      });
    });
    for (const [why, path, code, says] of refusals) {
      it(why, async () => {
        const { status, body } = await ChannelClient.refused(url(path));
        expect([status, body.kind]).to.deep.equal([code, 'Status']);
        expect(body.message).to.match(says);
        expect(container.options).to.deep.equal([]);
      });
    }

    it('no protocol is known to both', async () => {
      const { status, body } = await ChannelClient.refused(url(`${PODS}/hello/exec?${good}`), ['chat']);
      expect(status).to.equal(400);
      expect(body.message).to.match(/^unable to upgrade: .*\[chat\]; supports \[v5\.channel\.k8s\.io/);
    });

    it('it is an ordinary request', async () => {
      for (const method of ['GET', 'POST']) {
        const answer = await server.ask(method, `${PODS}/hello/exec?${good}`);
        expect([answer.status, answer.json().message]).to.deep.equal([400, 'Upgrade request required']);
      }
      expect((await server.ask('PUT', `${PODS}/hello/exec?${good}`, { body: {} })).status).to.equal(405);
    });

    const offers: readonly (readonly [
      what: string,
      headers: Record<string, string>,
      code: number,
      says: RegExp,
    ])[] = [
      [
        'a WebSocket without a key',
        { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' },
        400,
        /no valid Sec-WebSocket-Key/,
      ],
      [
        'an old WebSocket',
        { Upgrade: 'websocket', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
        400,
        /Sec-WebSocket-Version \(none\)/,
      ],
      [
        'SPDY without a protocol',
        { Upgrade: 'SPDY/3.1' },
        400,
        /^unable to upgrade: X-Stream-Protocol-Version is required$/,
      ],
      [
        'SPDY with a protocol nobody knows',
        { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v9.channel.k8s.io, v8.channel.k8s.io' },
        403,
        /client supports \[v9\.channel\.k8s\.io v8\.channel\.k8s\.io\], server accepts \[v4\.channel\.k8s\.io/,
      ],
    ];
    for (const [what, headers, code, says] of offers) {
      it(`${what} is offered`, async () => {
        const answer = await server.ask('GET', `${PODS}/hello/exec?${good}`, {
          headers: { Connection: 'Upgrade', ...headers },
        });
        expect(answer.status).to.equal(code);
        expect(answer.json().message).to.match(says);
      });
    }
  });
});

describe('who may exec', () => {
  const identity = { name: 'reader', groups: ['system:authenticated'] };
  const rbac = 'rbac.authorization.k8s.io';
  let server: TestServer;
  let container: LocalContainer;
  beforeEach(async () => {
    container = new LocalContainer();
    server = await openServer({ workerLink: container, identity });
    await server.world.addWorker('w1');
    await runTask(server.world, 'hello', running);
  });
  afterEach(() => server.close());

  async function allow(verbs: readonly string[]): Promise<void> {
    const rule = (resources: readonly string[], what: readonly string[]) => ({
      apiGroups: ['gantry.dev'],
      resources: [...resources],
      verbs: [...what],
    });
    const metadata = { name: 'exec', namespace: 'default' };
    await server.world.admin.create(roles, {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata,
      rules: [rule(['tasks'], ['get']), rule(['tasks/exec'], verbs)],
    });
    await server.world.admin.create(roleBindings, {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'exec' },
      subjects: [{ apiGroup: rbac, kind: 'User', name: 'reader' }],
    });
    await server.world.settle();
  }
  const urls = [PODS, TASKS].map(
    (path) => () => `ws://127.0.0.1:${server.port}${path}/hello/exec?command=true&stdout=true`,
  );

  const tooLittle: readonly (readonly [what: string, verbs: readonly string[], missing: string])[] = [
    ['to get it, which is no more than to read', ['get'], 'create'],
    ['to create it, for a client that gets it', ['create'], 'get'],
  ];
  for (const [what, verbs, missing] of tooLittle) {
    it(`is not who may only ${what.replace(/^to /, '')}`, async () => {
      await allow(verbs);
      for (const url of urls) {
        const { status, body } = await ChannelClient.refused(url());
        expect(status).to.equal(403);
        const asked = url().includes('/pods/')
          ? 'resource "pods/exec" in API group ""'
          : 'resource "tasks/exec" in API group "gantry.dev"';
        expect(body.message).to.contain(`User "reader" cannot ${missing} ${asked}`);
      }
    });
  }

  it('is who may get and create tasks/exec, under either name', async () => {
    await allow(['get', 'create']);
    for (const url of urls) {
      const client = await ChannelClient.open(url());
      expect((await client.closed).code).to.equal(1000);
    }
  });
});

describe('sessions', () => {
  it('are limited, and count only while they run', async () => {
    const limit = new SessionLimit(1);
    const gate = Promise.withResolvers<void>();
    const first = limit.run(() => gate.promise);
    const refused = await limit.run(() => Promise.resolve()).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(ApiError).and.deep.include({ code: 429 });
    gate.resolve();
    await first;
    await limit.run(() => Promise.reject(new Error('failed'))).catch(() => undefined);
    await limit.run(() => Promise.resolve());
    expect(limit.open).to.equal(0);
  });
});
