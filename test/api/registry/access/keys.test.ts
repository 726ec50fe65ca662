/** The cluster's keys as Secrets: several servers on one store, who may see them, and how they change their place. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { KEYS_IDENTITY, KeySecrets } from '../../../../api/registry/access/keys/keysecrets.ts';
import { openRegistry } from '../../../../api/registry/open.ts';
import type { Registry } from '../../../../api/registry/types.ts';
import type { Client } from '../../../../machinery/client.ts';
import { isApiError } from '../../../../machinery/errors.ts';
import { FakeClock } from '../../../../machinery/fakeclock.ts';
import {
  controllerIdentity,
  GROUP_AUTHENTICATED,
  type Identity,
  workerIdentity,
} from '../../../../machinery/identity.ts';
import { silentLog } from '../../../../machinery/log.ts';
import { newMetrics } from '../../../../machinery/metrics.ts';
import { seededRandom } from '../../../../machinery/random.ts';
import type { Credentials } from '../../../../net/certificates.ts';
import { KeyDirectory } from '../../../../net/keydirectory.ts';
import { takeIntoDirectory, takeIntoStore } from '../../../../net/keymoves.ts';
import { openPki, type Pki } from '../../../../net/pki.ts';
import { TOKEN_AUDIENCE, TokenAuthority } from '../../../../net/tokens.ts';
import { clusterRoleBindings, secrets } from '../../../../schemas/kinds.ts';
import { openStore } from '../../../../store/open.ts';
import type { Store } from '../../../../store/store.ts';
import { adminIdentity } from '../../../world.ts';

const claims = { user: 'jane', groups: [], audiences: [TOKEN_AUDIENCE] };
const NAMESPACE = 'gantry-system';

describe("The cluster's keys as Secrets", () => {
  let home: string;
  let clock: FakeClock;
  let store: Store;
  const opened: Registry[] = [];
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'gantry-keys-'));
    clock = new FakeClock(Math.floor(Date.now() / 1000) * 1000);
    store = await openStore('memory:', { clock, random: seededRandom(1) });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((registry) => registry.close()));
    await store.close();
    await rm(home, { recursive: true });
  });

  /** Another server on the same store. */
  const server = async (): Promise<Registry> => {
    const registry = await openRegistry({
      store,
      clock,
      random: seededRandom(opened.length + 2),
      log: silentLog,
      metrics: newMetrics(),
    });
    opened.push(registry);
    return registry;
  };
  const keysOf = async (): Promise<KeySecrets> => keysThrough(await server());
  const keysThrough = (registry: Registry): KeySecrets => new KeySecrets(() => registry.as(KEYS_IDENTITY));
  const pki = (keys: KeySecrets | KeyDirectory, name: string): Promise<Pki> =>
    openPki({ directory: join(home, name), keys, clock, hostnames: [], addresses: [] });
  const tokens = async (keys: KeySecrets | KeyDirectory): Promise<TokenAuthority> => {
    const authority = new TokenAuthority({ keys, clock });
    await authority.open();
    return authority;
  };
  const problemOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'none',
      (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
    );

  it('are one authority for servers that start at once, and each signs its own certificates', async () => {
    const keys = await Promise.all([keysOf(), keysOf(), keysOf()]);
    const opened = await Promise.all(keys.map((each, index) => pki(each, `server-${index}`)));
    expect(new Set(opened.map(({ authority }) => authority)).size).to.equal(1);
    expect(new Set(opened.map(({ server }) => server.key)).size).to.equal(3);
    expect(await readdir(join(home, 'server-0'))).to.not.include('ca.key');
    // Without its directory a server is who it was.
    await rm(join(home, 'server-0'), { recursive: true });
    expect((await pki(await keysOf(), 'server-0')).authority).to.equal(opened[0]?.authority);
  });

  it('sign tokens that every server believes, also after a rotation', async () => {
    const [one, other] = [await tokens(await keysOf()), await tokens(await keysOf())];
    const before = await one.sign(claims, 600);
    expect((await other.verify(before.token)).user).to.equal('jane');
    clock.advance(2_000);
    await one.rotate();
    const after = await one.sign(claims, 600);
    expect(after.token.split('.')[0]).to.not.equal(before.token.split('.')[0]);
    for (const { token } of [before, after]) expect((await other.verify(token)).user).to.equal('jane');
  });

  it('are missed by no server that looks a moment before a rotation', async () => {
    const [one, other] = [await tokens(await keysOf()), await tokens(await keysOf())];
    clock.advance(2_000);
    await other.verify((await one.sign(claims, 600)).token);
    clock.advance(200);
    await one.rotate();
    expect((await other.verify((await one.sign(claims, 600)).token)).user).to.equal('jane');
  });

  it('keep revocations that two servers make at once, and each hears of both within a second', async () => {
    const [one, other] = [await tokens(await keysOf()), await tokens(await keysOf())];
    const signed = await Promise.all(Array.from({ length: 8 }, () => one.sign(claims, 600)));
    for (const { token } of signed) await Promise.all([one.verify(token), other.verify(token)]);
    await Promise.all(
      signed.map(({ id, expiresAt }, index) => (index % 2 === 0 ? one : other).revoke(id, expiresAt)),
    );
    clock.advance(1_001);
    for (const { token } of signed) {
      for (const authority of [one, other])
        expect(await problemOf(authority.verify(token))).to.equal('TokenError: the token has been revoked');
    }
    // What has ended anyway is not kept.
    clock.advance(700_000);
    const late = await one.sign(claims, 600);
    await one.revoke(late.id, late.expiresAt);
    expect([...(await (await keysOf()).tokens('current')).revoked.keys()]).to.deep.equal([late.id]);
  });

  it('are there for administrators alone, whoever may read and write all Secrets', async () => {
    const registry = await server();
    const keys = keysThrough(registry);
    await pki(keys, 'server');
    await tokens(keys);
    const admin = registry.as(adminIdentity);
    await admin.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'plain', namespace: NAMESPACE },
    });
    await admin.create(clusterRoleBindings, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'everything' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
    });
    const names = async (client: Client, namespace?: string): Promise<readonly string[]> =>
      (await client.list(secrets, namespace === undefined ? {} : { namespace })).items.map(
        ({ metadata }) => metadata.name,
      );
    const ann: Identity = { name: 'ann', groups: [GROUP_AUTHENTICATED] };
    const all = await names(admin);
    expect(all).to.have.length(3);
    expect(all).to.include('gantry-authority');
    for (const identity of [ann, controllerIdentity('garbage-collector'), controllerIdentity('informers')]) {
      const client = registry.as(identity);
      expect(await names(client), identity.name).to.deep.equal(['plain']);
      expect(await names(client, NAMESPACE), identity.name).to.deep.equal(['plain']);
      const read = client.get(secrets, { namespace: NAMESPACE, name: 'gantry-authority' });
      expect(await problemOf(read), identity.name).to.include('not found');
      const told: string[] = [];
      const ending = new AbortController();
      for await (const event of client.watch(secrets, { signal: ending.signal, resourceVersion: '0' })) {
        if (event.type !== 'BOOKMARK') told.push(event.object.metadata.name);
        ending.abort();
      }
      expect(told, identity.name).to.deep.equal(['plain']);
    }
    const worker = registry.as(workerIdentity('alpha'));
    expect(await problemOf(worker.list(secrets, { namespace: NAMESPACE }))).to.include('forbidden');

    const client = registry.as(ann);
    const forged = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'gantry-token-99990101000000000', namespace: NAMESPACE },
      type: 'gantry.dev/token-key',
      data: {},
    };
    const refusals = [
      client.create(secrets, forged),
      client.delete(secrets, { namespace: NAMESPACE, name: 'gantry-authority' }),
      client.patch(
        secrets,
        { namespace: NAMESPACE, name: 'gantry-authority' },
        { type: 'merge', body: { metadata: { labels: { a: 'b' } } } },
      ),
    ];
    for (const refusal of refusals)
      expect(await problemOf(refusal)).to.include("the cluster's own keys are for members of system:masters");
    // The same type means nothing elsewhere.
    await client.create(secrets, { ...forged, metadata: { ...forged.metadata, namespace: 'default' } });
    // The authority is not deleted by mistake, also not by who may.
    const slip = await admin
      .delete(secrets, { namespace: NAMESPACE, name: 'gantry-authority' })
      .catch((error: unknown) => error);
    expect(isApiError(slip, 'Forbidden', 'Conflict', 'Invalid'), String(slip)).to.equal(true);
  });

  it("are taken from a machine's directory into a store that has none, and nothing ends by it", async () => {
    const directory = new KeyDirectory(join(home, 'pki'));
    const before = await pki(directory, 'pki');
    const local = await tokens(directory);
    const [good, revoked] = [await local.sign(claims, 600), await local.sign(claims, 600)];
    await local.revoke(revoked.id, revoked.expiresAt);
    const keys = await keysOf();
    expect(await takeIntoStore(directory, keys)).to.equal(true);
    expect(await takeIntoStore(directory, keys)).to.equal(false);
    expect((await pki(await keysOf(), 'elsewhere')).authority).to.equal(before.authority);
    const shared = await tokens(await keysOf());
    expect((await shared.verify(good.token)).user).to.equal('jane');
    expect(await problemOf(shared.verify(revoked.token))).to.include('has been revoked');
  });

  it('of another cluster are refused, and both are named', async () => {
    const keys = await keysOf();
    await pki(keys, 'server');
    await tokens(keys);
    const directory = new KeyDirectory(join(home, 'pki'));
    await pki(directory, 'pki');
    const foreign = await (await tokens(directory)).sign(claims, 600);
    const problem = await problemOf(takeIntoStore(directory, keys));
    expect(problem).to.match(
      /^PkiError: .*pki\/ca\.crt is one certificate authority and tls\.crt of Secret gantry-system\/gantry-authority another/,
    );
    expect(await problemOf((await tokens(keys)).verify(foreign.token))).to.include('not known here');
  });

  it('of a directory that comes too late are refused, and its tokens are not believed', async () => {
    const keys = await keysOf();
    const directory = new KeyDirectory(join(home, 'pki'));
    await pki(directory, 'pki');
    const foreign = await (await tokens(directory)).sign(claims, 600);
    // Another server makes the authority between the look and the writing.
    class Racing extends KeySecrets {
      override async keepAuthority(made: Credentials): Promise<Credentials> {
        await pki(await keysOf(), 'faster');
        return super.keepAuthority(made);
      }
    }
    const third = await server();
    const racing = new Racing(() => third.as(KEYS_IDENTITY));
    expect(await problemOf(takeIntoStore(directory, racing))).to.include('is one certificate authority');
    expect((await keys.tokens('current')).keys.size).to.equal(0);
    expect(await problemOf((await tokens(keys)).verify(foreign.token))).to.include('not known here');
  });

  it('are only what their type says: a Secret of the same name that somebody else made is none', async () => {
    const directory = new KeyDirectory(join(home, 'pki'));
    const { authority } = await pki(directory, 'pki');
    const good = await (await tokens(directory)).sign(claims, 600);
    const registry = await server();
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    await registry.as(adminIdentity).create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'gantry-authority', namespace: NAMESPACE },
      type: 'Opaque',
      data: { 'tls.crt': base64(authority), 'tls.key': base64('anything') },
    });
    expect(await takeIntoDirectory(keysThrough(registry), directory)).to.equal(false);
    expect((await (await tokens(directory)).verify(good.token)).user).to.equal('jane');
    expect(await problemOf(pki(keysThrough(registry), 'elsewhere'))).to.match(
      /^PkiError: Secret gantry-system\/gantry-authority is there but holds no authority: delete it/,
    );
  });

  it('go back into a directory with what happened meanwhile, and leave the store', async () => {
    const directory = new KeyDirectory(join(home, 'pki'));
    const before = await pki(directory, 'pki');
    const stale = await (await tokens(directory)).sign(claims, 600);
    const keys = await keysOf();
    await takeIntoStore(directory, keys);
    const shared = await tokens(keys);
    clock.advance(5_000);
    await shared.rotate();
    const fresh = await shared.sign(claims, 600);
    await shared.revoke(stale.id, stale.expiresAt);
    expect(await takeIntoDirectory(keys, directory)).to.equal(true);
    expect(await takeIntoDirectory(keys, directory)).to.equal(false);
    const local = await tokens(new KeyDirectory(join(home, 'pki')));
    expect((await local.verify(fresh.token)).user).to.equal('jane');
    expect(await problemOf(local.verify(stale.token))).to.include('has been revoked');
    expect((await pki(directory, 'pki')).authority).to.equal(before.authority);
    const { items } = await (await server()).as(adminIdentity).list(secrets, {});
    expect(items).to.deep.equal([]);
  });
});
