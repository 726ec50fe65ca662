/**
 * One id finds everything, on a real engine: a dispatched piece of work is followed over WebSocket by Node's own client and
 * by one made by hand, its ids are in every log line, and `gantry trace` tells the whole story, also after a kill -9.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { WebSocket as LibrarySocket } from 'ws';
import { isRecord } from '../../machinery/json.ts';
import { eventually, GantryProcess } from './process.ts';

const templates = join(import.meta.dirname, '../../manifests/templates');

type Frame = Readonly<Record<string, unknown>>;

const newTraceId = (): string => randomUUID().replaceAll('-', '');
const eventOf = (frame: Frame): Frame => frame['event'] as Frame;
const isDone = (frames: readonly Frame[]): boolean =>
  frames.some((frame) => frame['kind'] === 'run' && eventOf(frame)['status'] === 'completed');

describe('The traces door, on a real engine', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
    for (const name of ['fib', 'wait']) {
      const { code, stderr } = await gantry.kubectl(['apply', '-f', join(templates, `${name}.yaml`)]);
      expect(code, stderr).to.equal(0);
    }
  });
  after(() => gantry?.dispose());

  const dispatch = async (traceId: string, taskId: string, position = 10): Promise<Frame> => {
    const answer = await fetch(`http://127.0.0.1:${gantry.managerPort}/api/v1/dispatch`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      body: JSON.stringify({ task_id: taskId, work_type: 'fib', parameters: { position } }),
    });
    const body = (await answer.json()) as Frame;
    expect(answer.status, JSON.stringify(body)).to.equal(200);
    expect(body['trace_id']).to.equal(traceId);
    return body;
  };
  const listen = async (path: string): Promise<{ readonly socket: WebSocket; readonly frames: Frame[] }> => {
    const socket = new WebSocket(`ws://127.0.0.1:${gantry.managerPort}/ws${path}`);
    const frames: Frame[] = [];
    socket.addEventListener('message', ({ data }) => frames.push(JSON.parse(String(data)) as Frame));
    await once(socket, 'open');
    await eventually('the subscription to be live', () =>
      path === '' || frames.some(({ type }) => type === 'live') ? true : undefined,
    );
    return { socket, frames };
  };

  it("D2.9 Node's own client follows a dispatched fib from before it is handed in to its end, and hears of no other", async () => {
    const traceId = newTraceId();
    const taskId = randomUUID();
    const { socket, frames } = await listen(`/${traceId}`);
    await dispatch(newTraceId(), randomUUID());
    const { request_id: requestId } = await dispatch(traceId, taskId);
    await eventually('the end of the run', () => (isDone(frames) ? true : undefined));
    socket.close();
    const told = frames.filter(({ type }) => type === 'event');
    expect(new Set(told.map((frame) => frame['trace_id']))).to.deep.equal(new Set([traceId]));
    const revisions = told.map(({ revision }) => Number(revision));
    expect(revisions).to.deep.equal(revisions.toSorted((one, other) => one - other));
    expect(new Set(revisions).size).to.equal(revisions.length);
    const ofRun = told.filter(({ kind }) => kind === 'run').map(eventOf);
    expect(ofRun[0]).to.include({ change: 'added', work_type: 'fib', status: 'pending', task_id: taskId });
    expect(ofRun.at(-1)).to.include({ status: 'completed', progress: 100, request_id: requestId });
    const ofTask = told.filter(({ kind }) => kind === 'task').map(eventOf);
    expect(ofTask.at(-1)).to.include({ status: 'succeeded', exit_code: 0, step: 'fib', task_id: taskId });
    expect(String(ofTask.at(-1)?.['container_id'])).to.match(/^[0-9a-f]{64}$/);
    expect(told.some(({ kind }) => kind === 'event')).to.equal(true);
  });

  it('D2.9 a client made by hand shakes hands, subscribes, is pinged and hears its trace', async () => {
    const traceId = newTraceId();
    const socket = connect(gantry.managerPort, '127.0.0.1');
    await once(socket, 'connect');
    const key = randomBytes(16).toString('base64');
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
    });
    socket.write(
      [
        'GET /ws HTTP/1.1',
        `Host: localhost:${gantry.managerPort}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${key}`,
        '',
        '',
      ].join('\r\n'),
    );
    const head = await eventually('the handshake', () => {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      const text = bytes.subarray(0, end).toString();
      bytes = bytes.subarray(end + 4);
      return text;
    });
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    expect(head)
      .to.match(/^HTTP\/1\.1 101 /)
      .and.include(`Sec-WebSocket-Accept: ${accept}`);
    expect(head).to.match(/X-Trace-Id: [0-9a-f]{32}/i);
    const say = (opcode: number, text: string): void => {
      const mask = randomBytes(4);
      const body = Buffer.from(text).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
      socket.write(Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | body.length]), mask, body]));
    };
    const heard: { readonly opcode: number; readonly text: string }[] = [];
    const hear = (): void => {
      for (;;) {
        const [first = 0, length = 0] = bytes;
        const start = length === 126 ? 4 : 2;
        const size = length === 126 && bytes.length >= 4 ? bytes.readUInt16BE(2) : length;
        if (bytes.length < start + size || bytes.length < 2) return;
        heard.push({ opcode: first & 0x0f, text: bytes.subarray(start, start + size).toString() });
        bytes = bytes.subarray(start + size);
      }
    };
    const frames = (): Frame[] => {
      hear();
      return heard.filter(({ opcode }) => opcode === 1).map(({ text }) => JSON.parse(text) as Frame);
    };
    say(1, JSON.stringify({ action: 'subscribe', trace_id: traceId }));
    await eventually('the subscription', () =>
      frames().some(({ type }) => type === 'live') ? true : undefined,
    );
    say(9, 'are you there?');
    await dispatch(traceId, randomUUID());
    await eventually('the end of the run', () => (isDone(frames()) ? true : undefined));
    expect(heard.find(({ opcode }) => opcode === 0xa)?.text).to.equal('are you there?');
    say(8, '\x03\xe8');
    await once(socket, 'close');
  });

  it('D2.9 over TLS it asks who it is: a token is taken from the header and from the subprotocol, nobody is 401', async () => {
    const url = `wss://127.0.0.1:${gantry.securePort}/ws/${newTraceId()}`;
    const options = { ca: authorityIn(gantry.kubeconfig) };
    const nobody = new LibrarySocket(url, options);
    nobody.on('error', () => undefined);
    const [, refused] = (await once(nobody, 'unexpected-response')) as [
      unknown,
      NodeJS.ReadableStream & { statusCode: number },
    ];
    const text = Buffer.concat((await Array.fromAsync(refused)) as Buffer[]).toString();
    expect([refused.statusCode, (JSON.parse(text) as Frame)['error_code']]).to.deep.equal([401, 4001]);
    await gantry.kubectl(['create', 'serviceaccount', 'watcher']);
    await gantry.kubectl([
      'create',
      'rolebinding',
      'watcher',
      '--clusterrole=view',
      '--serviceaccount=default:watcher',
    ]);
    const { stdout } = await gantry.kubectl(['create', 'token', 'watcher']);
    const token = stdout.trim();
    const carrier = `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;
    for (const [protocols, headers] of [
      [[], { Authorization: `Bearer ${token}` }],
      [['traces.gantry.dev', carrier], {}],
    ] as const) {
      const socket = new LibrarySocket(url, [...protocols], { ...options, headers });
      const [first] = (await once(socket, 'message')) as [Buffer];
      expect((JSON.parse(first.toString()) as Frame)['type']).to.equal('subscribed');
      socket.terminate();
    }
  });

  it('D2.5 the ids are in every log line of the work, and one id finds the whole story', async () => {
    const traceId = newTraceId();
    const taskId = randomUUID();
    const { request_id: requestId } = await dispatch(traceId, taskId);
    const status = `http://127.0.0.1:${gantry.managerPort}/api/v1/status/${taskId}`;
    await eventually('the end', async () => {
      const { status: state } = (await (await fetch(status)).json()) as Frame;
      return state === 'completed' ? true : undefined;
    });
    const lines = gantry.log.split('\n').filter((line) => line.includes(traceId));
    const parsed = lines.map((line) => JSON.parse(line) as Frame);
    expect(parsed.length).to.be.above(0);
    for (const line of parsed) expect(line).to.have.property('trace_id', traceId);
    expect(parsed.filter(({ msg }) => msg === 'request').map((line) => line['path'])).to.include(
      '/api/v1/dispatch',
    );
    expect(gantry.log).not.to.match(/"traceId"|"requestId"/);
    for (const word of [traceId, taskId]) {
      const { code, stdout, stderr } = await gantry.gantry(['trace', word, '--logs']);
      expect(code, stderr).to.equal(0);
      expect(stdout).to.match(new RegExp(`^Trace ${traceId}\n`));
      expect(stdout)
        .to.match(/ run\/\S+ +completed/)
        .and.to.match(/ task\/\S+-fib-1 +started +worker \S+ container [0-9a-f]{12}/);
      expect(stdout)
        .to.match(/exit code 0/)
        .and.to.match(/ event +Scheduled/);
      expect(stdout).to.match(/Last 10 lines of task\/\S+\n(?:.*\n)*.*value is '34'/);
    }
    const { stdout } = await gantry.gantry(['trace', traceId, '-o', 'json']);
    const { entries } = JSON.parse(stdout) as { entries: Frame[] };
    expect(
      entries.filter((entry) => entry['kind'] === 'Run').every((entry) => entry['task_id'] === taskId),
    ).to.equal(true);
    expect(requestId).to.match(/^[0-9a-f-]{36}$/);
  });

  it('D2.9 what happened while nobody listened is replayed, also after a kill -9', async () => {
    const traceId = newTraceId();
    const { socket, frames } = await listen(`/${traceId}`);
    await dispatch(traceId, randomUUID(), 5);
    await eventually('the first frame', () =>
      frames.some(({ type }) => type === 'event') ? true : undefined,
    );
    socket.close();
    await once(socket, 'close');
    const seen = frames.filter(({ type }) => type === 'event').map(({ revision }) => Number(revision));
    await gantry.stop('SIGKILL');
    await gantry.start();
    const again = await listen(`/${traceId}?from_revision=${seen.at(-1)}`);
    await eventually('the end of the run', () => (isDone(again.frames) ? true : undefined));
    again.socket.close();
    const replayed = again.frames
      .filter(({ type }) => type === 'event')
      .map(({ revision }) => Number(revision));
    const all = [...seen, ...replayed];
    expect(all).to.deep.equal(all.toSorted((one, other) => one - other));
    expect(new Set(all).size).to.equal(all.length);
  });
});

function authorityIn(kubeconfig: string): Buffer {
  const config = load(readFileSync(kubeconfig, 'utf8'));
  const clusters = isRecord(config) ? config['clusters'] : undefined;
  const [first] = Array.isArray(clusters) ? (clusters as readonly { cluster: Record<string, string> }[]) : [];
  return Buffer.from(first?.cluster['certificate-authority-data'] ?? '', 'base64');
}
