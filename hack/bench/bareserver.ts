/**
 * The baseline of the API's figures, a process of its own: the least a Node server could do for the same answers.
 * HTTPS with client certificates, bodies parsed, objects in a map, writes committed to the same kind of store, a list
 * joined from kept bytes, one frame written to every watcher. No routing, no schema, no authorization.
 *
 *     node hack/bench/bareserver.ts <folder with cert.pem key.pem ca.pem> <store folder>
 *
 * Says its port on standard output. Ends when its standard input does.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { systemClock } from '../../machinery/clock.ts';
import { isRecord } from '../../machinery/json.ts';
import { openStore } from '../../store/open.ts';

const [folder = '', storeFolder = ''] = process.argv.slice(2);
const store = await openStore(`sqlite:${storeFolder}`, { clock: systemClock });
const objects = new Map<string, Buffer>();
const watchers = new Set<ServerResponse>();
let joined: Buffer | undefined;

const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const server = createServer(
  {
    cert: read('cert.pem'),
    key: read('key.pem'),
    ca: read('ca.pem'),
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
  },
  (request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.statusCode = 500;
      response.end(String(error));
    });
  },
);
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.stdout.write(`${address.port}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  if (request.method === 'GET') {
    if (path.endsWith('?watch=true')) {
      watchers.add(response);
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
      return;
    }
    send(response, 200, path === '/list' ? list() : (objects.get(path) ?? Buffer.alloc(0)));
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
  const before = objects.get(path);
  const old: unknown = before === undefined ? {} : JSON.parse(before.toString());
  const after =
    isRecord(old) && isRecord(body)
      ? { ...old, ...body, metadata: { ...(old['metadata'] as object), ...(body['metadata'] as object) } }
      : body;
  const value = Buffer.from(JSON.stringify(after));
  const done = await store.commit([{ kind: 'put', key: path, value, precondition: { kind: 'none' } }]);
  if (!done.ok) throw new Error('a put without precondition was refused');
  objects.set(path, value);
  joined = undefined;
  const frame = Buffer.concat([Buffer.from('{"type":"MODIFIED","object":'), value, Buffer.from('}\n')]);
  for (const watcher of watchers) watcher.write(frame);
  send(response, before === undefined ? 201 : 200, value);
}

function list(): Buffer {
  joined ??= Buffer.from(
    `{"kind":"TaskList","items":[${[...objects.values()].map((value) => value.toString()).join(',')}]}`,
  );
  return joined;
}

function send(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length });
  response.end(body);
}
