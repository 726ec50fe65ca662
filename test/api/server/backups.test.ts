/** `/gantry/v1/backup`: who may take one, what comes, and how it is told that not all of it came. */
import { request } from 'node:http';
import { expect } from 'chai';
import type { BackupSource } from '../../../api/server/backups.ts';
import { StoreError } from '../../../machinery/errors.ts';
import { readParts } from '../../../store/backup/reader.ts';
import { rejection } from '../../store/builders.ts';
import { openAccessRig } from './accessrig.ts';
import { openServer, type TestServer } from './harness.ts';

const PATH = '/gantry/v1/backup';

interface Fetched {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/** Rejects when the connection was cut. */
function fetchBytes(port: number, headers: Readonly<Record<string, string>> = {}): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: PATH, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const type = String(answer.headers['content-type']);
        resolve({ status: answer.statusCode ?? 0, type, body: Buffer.concat(chunks) });
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function keysIn(body: Buffer): Promise<number> {
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield body;
  }
  for await (const part of readParts(whole(), 'the answer'))
    if (part.kind === 'trailer') return part.trailer.keys;
  throw new Error('no trailer');
}

describe('the backup path', () => {
  it('is for those who hold its permission, and audited', async () => {
    const rig = await openAccessRig();
    try {
      expect((await rig.ask(undefined, 'GET', PATH)).status).to.equal(401);
      const refused = await rig.ask('jane-token', 'GET', PATH);
      expect(refused.status).to.equal(403);
      expect(refused.json()).to.deep.include({ message: `forbidden: User "jane" cannot get path "${PATH}"` });

      const given = await fetchBytes(rig.port, { Authorization: 'Bearer admin-token' });
      expect(given).to.deep.include({ status: 200, type: 'application/vnd.gantry.backup' });
      expect(await keysIn(given.body)).to.be.greaterThan(10);

      const role = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'backup' },
        rules: [{ verbs: ['get'], nonResourceURLs: [PATH] }],
      };
      const binding = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'backup' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'backup' },
        subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }],
      };
      const rbac = '/apis/rbac.authorization.k8s.io/v1';
      expect((await rig.ask('admin-token', 'POST', `${rbac}/clusterroles`, { body: role })).status).to.equal(
        201,
      );
      const bound = await rig.ask('admin-token', 'POST', `${rbac}/clusterrolebindings`, { body: binding });
      expect(bound.status).to.equal(201);
      expect((await fetchBytes(rig.port, { Authorization: 'Bearer jane-token' })).status).to.equal(200);

      const told = rig.events
        .filter(({ requestURI }) => requestURI === PATH)
        .map(({ user, verb, responseStatus }) => [user?.username, verb, responseStatus?.code]);
      expect(told).to.deep.include.members([
        ['jane', 'get', 403],
        ['root', 'get', 200],
        ['jane', 'get', 200],
      ]);
    } finally {
      await rig.close();
    }
  });

  describe('of a server', () => {
    let server: TestServer | undefined;
    afterEach(async () => server?.close());
    const open = async (backup: BackupSource): Promise<TestServer> => (server = await openServer({ backup }));

    it('cuts the connection when the store fails in the middle', async () => {
      const { port } = await open(async function* () {
        yield Buffer.from('the beginning');
        await Promise.resolve();
        throw new StoreError('Compacted', 'revision 1 is gone');
      });
      expect((await rejection(fetchBytes(port))).message).to.match(/aborted|hang up|reset/);
    });

    it('answers with a code when the store fails before the first byte', async () => {
      // oxlint-disable-next-line require-yield -- it fails before it has anything to give.
      const at = await open(async function* () {
        await Promise.resolve();
        throw new StoreError('Unavailable', 'no quorum');
      });
      const answer = await at.ask('GET', PATH);
      expect(answer.status).to.equal(503);
      expect(answer.text).to.include('no quorum');
    });

    it('takes GET only, and two at once', async () => {
      const gate = Promise.withResolvers<void>();
      const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let count = 0;
      const at = await open(async function* () {
        begun[count++]?.resolve();
        yield Buffer.from('x');
        await gate.promise;
      });
      for (const method of ['POST', 'HEAD', 'DELETE'])
        expect((await at.ask(method, PATH)).status, method).to.equal(405);
      const running = [fetchBytes(at.port), fetchBytes(at.port)];
      await Promise.all(begun.map(({ promise }) => promise));
      const third = await at.ask('GET', PATH);
      expect(third.status).to.equal(429);
      expect(third.headers['retry-after']).to.equal('10');
      gate.resolve();
      for (const { status } of await Promise.all(running)) expect(status).to.equal(200);
    });

    it('lets go of a reader that left', async () => {
      const ended = Promise.withResolvers<boolean>();
      const { port } = await open(async function* (signal) {
        try {
          while (!signal.aborted) yield Buffer.alloc(64 * 1024);
        } finally {
          ended.resolve(signal.aborted);
        }
      });
      const asked = request({ host: '127.0.0.1', port, path: PATH, agent: false }, (answer) => {
        answer.once('data', () => asked.destroy());
      });
      asked.on('error', () => undefined);
      asked.end();
      expect(await ended.promise).to.equal(true);
    });
  });
});
