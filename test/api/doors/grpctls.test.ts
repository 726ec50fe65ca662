/** Who may connect to the job runner, and who may not. */
import type { webcrypto } from 'node:crypto';
import { type EventEmitter, once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { expect } from 'chai';
import type { Log } from '../../../machinery/log.ts';
import { silentLog } from '../../../machinery/log.ts';
import { systemRandom } from '../../../machinery/random.ts';
import { type Credentials, newKey, signLeaf } from '../../../net/certificates.ts';
import {
  CLIENT_AUTH,
  type GrpcWorld,
  newAuthority,
  type OddCertificate,
  oddCertificate,
  openGrpcWorld,
  openRaw,
  type RawAnswer,
  SERVER_AUTH,
} from './grpcworld.ts';

const HEALTH = '/grpc.health.v1.Health/Check';
const DAY_MS = 86_400_000;

describe('the job runner over gRPC: connections', () => {
  let grpc: GrpcWorld;
  const refusals: string[] = [];
  const log: Log = Object.assign(Object.create(silentLog) as Log, {
    info: (fields: { readonly why?: string }) => void (fields.why === undefined || refusals.push(fields.why)),
  });
  before(async () => {
    grpc = await openGrpcWorld({ log });
  });
  beforeEach(() => void refusals.splice(0));
  after(() => grpc.close());

  const ask = async (options: ConnectionOptions, at = grpc): Promise<RawAnswer> => {
    const raw = openRaw(at, options);
    try {
      return await raw.call(HEALTH, [Buffer.alloc(0)]);
    } finally {
      raw.close();
    }
  };
  const shown = ({ certificate, key }: Credentials): ConnectionOptions => ({ cert: certificate, key });
  const expectRefused = async (options: ConnectionOptions, at = grpc): Promise<void> => {
    const answer = await ask(options, at).catch((error: unknown) => error);
    expect(answer).to.be.instanceOf(Error);
  };

  it('D4.5 are TLS 1.3 with an AEAD suite and a certificate of the cluster’s authority', async () => {
    const raw = openRaw(grpc, shown(await grpc.issue('ann')));
    expect((await raw.call(HEALTH, [Buffer.alloc(0)])).code).to.equal(0);
    expect(raw.socket.getProtocol()).to.equal('TLSv1.3');
    expect(raw.socket.getCipher().name).to.match(/_(?:GCM|POLY1305)_/);
    raw.close();
  });

  for (const cipher of ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256']) {
    it(`D4.5 take the suite ${cipher}`, async () => {
      expect((await ask({ ...shown(await grpc.issue('ann')), ciphers: cipher })).code).to.equal(0);
    });
  }

  it('D4.5 refuse a suite that is not among them', async () => {
    await expectRefused({ ...shown(await grpc.issue('ann')), ciphers: 'TLS_AES_128_CCM_SHA256' });
  });

  it('D4.5 refuse TLS 1.2', async () => {
    await expectRefused({ ...shown(await grpc.issue('ann')), maxVersion: 'TLSv1.2' });
  });

  it('D4.5 refuse who shows no certificate', () => expectRefused({}));

  it('D4.5 refuse who speaks no HTTP/2', async () => {
    await expectRefused({ ...shown(await grpc.issue('ann')), ALPNProtocols: ['http/1.1'] });
    await expectRefused({ ...shown(await grpc.issue('ann')), ALPNProtocols: [] });
    expect(refusals).to.deep.equal(['no HTTP/2']);
  });

  const rsa = (modulusLength: number): webcrypto.RsaHashedKeyGenParams => ({
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
  });
  const odd: readonly [what: string, certificate: OddCertificate, why?: RegExp][] = [
    [
      'one that has expired',
      { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) },
    ],
    [
      'one that is not good yet',
      { notBefore: new Date(Date.now() + DAY_MS), notAfter: new Date(Date.now() + 2 * DAY_MS) },
    ],
    ['an RSA key of 1024 bits', { key: rsa(1024) }],
    [
      'an RSA key of 2048 bits',
      { key: rsa(2048) },
      /^the certificate of CN=ann has an RSA key of 2048 bits; wanted ECDSA P-256 or better$/,
    ],
    ['a signature with SHA-1', { hash: 'SHA-1' }],
    ['one made for servers alone', { usages: [SERVER_AUTH] }],
    [
      'one made for nothing in particular',
      { usages: [] },
      /not made for clients: wanted the extended key usage clientAuth$/,
    ],
  ];
  for (const [what, certificate, why] of odd) {
    it(`D4.5 refuse ${what}`, async () => {
      await expectRefused(shown(await oddCertificate(grpc.authority, certificate)));
      if (why !== undefined) expect(refusals.join()).to.match(why);
    });
  }

  const strong: readonly [what: string, certificate: OddCertificate][] = [
    ['an RSA key of 3072 bits', { key: rsa(3072) }],
    ['a key on P-384', { key: { name: 'ECDSA', namedCurve: 'P-384' } }],
    ['an Ed25519 key', { key: { name: 'Ed25519' } as webcrypto.EcKeyGenParams }],
    ['one made for clients and servers', { usages: [SERVER_AUTH, CLIENT_AUTH] }],
  ];
  for (const [what, certificate] of strong) {
    it(`D4.5 take ${what}`, async () => {
      expect((await ask(shown(await oddCertificate(grpc.authority, certificate)))).code).to.equal(0);
    });
  }

  it('D4.5 refuse a certificate of another authority, also of one with the same name', async () => {
    await expectRefused(shown(await oddCertificate(await newAuthority('gantry-ca'))));
    await expectRefused(shown(await oddCertificate(await newAuthority('elsewhere'))));
  });

  it('D4.5 refuse one that signed itself', () =>
    oddCertificate(undefined).then((self) => expectRefused(shown(self))));

  it('D4.5 let nobody in where there is no authority', async () => {
    const without = await openGrpcWorld({ hasAuthority: false });
    try {
      await expectRefused(shown(await without.issue('ann')), without);
      await expectRefused(shown(await without.issue('admin', ['system:masters'])), without);
    } finally {
      await without.close();
    }
  });

  it('D4.5 have a certificate checked each time: none is spared it by the session of an earlier connection', async () => {
    const credentials = shown(await grpc.issue('ann'));
    const first = openRaw(grpc, credentials);
    let session: Buffer | undefined;
    first.socket.on('session', (given: Buffer) => {
      session = given;
    });
    await first.call(HEALTH, [Buffer.alloc(0)]);
    first.close();
    const again = openRaw(grpc, { ...credentials, ...(session === undefined ? {} : { session }) });
    expect((await again.call(HEALTH, [Buffer.alloc(0)])).code).to.equal(0);
    expect(again.socket.isSessionReused()).to.equal(false);
    again.close();
    if (session !== undefined) await expectRefused({ session });
  });

  it('D4.5 who has a good certificate that names nobody is told so with every call', async () => {
    const raw = openRaw(grpc, shown(await oddCertificate(grpc.authority, { commonName: '' })));
    const answer = await raw.call('/gantry.jobs.v1.JobService/Status', [Buffer.alloc(0)]);
    expect([answer.code, answer.message]).to.deep.equal([
      16,
      'the client certificate names nobody: wanted a common name (CN)',
    ]);
    raw.close();
  });

  it('renew: new connections are made with the new certificates, those there are go on', async () => {
    const own = await openGrpcWorld();
    try {
      const credentials = await own.issue('ann');
      const old = openRaw(own, shown(credentials));
      await old.call(HEALTH, [Buffer.alloc(0)]);
      const key = await newKey();
      const validity = { nowMs: Date.now(), days: 3 };
      const leaf = { subject: { commonName: 'renewed' }, usage: 'server', names: ['localhost'] } as const;
      const cert = await signLeaf(own.authority, leaf, key, validity, systemRandom);
      own.listener.renew({ cert, key, ca: own.authority.certificate });
      const fresh = openRaw(own, shown(credentials));
      expect((await fresh.call(HEALTH, [Buffer.alloc(0)])).code).to.equal(0);
      expect(fresh.socket.getPeerCertificate().subject.CN).to.equal('renewed');
      expect((await old.call(HEALTH, [Buffer.alloc(0)])).code).to.equal(0);
      fresh.close();
      old.close();
      await expectRefused({ maxVersion: 'TLSv1.2', ...shown(credentials) }, own);
    } finally {
      await own.close();
    }
  });

  it('stop: tells clients to go (GOAWAY), cuts who stays after the grace, and answers nobody new', async () => {
    const own = await openGrpcWorld();
    const credentials = await own.issue('ann');
    const raw = openRaw(own, shown(credentials));
    await raw.call(HEALTH, [Buffer.alloc(0)]);
    const halfway = connectTcp(own.port, '127.0.0.1').on('error', () => undefined);
    await once(halfway, 'connect');
    // A watch of the health: a call that does not end by itself.
    const watching = raw
      .call('/grpc.health.v1.Health/Watch', [Buffer.alloc(0)])
      .catch((error: unknown) => error);
    const goaway = once(raw.session as EventEmitter, 'goaway');
    const closed = once(raw.session as EventEmitter, 'close');
    const startMs = Date.now();
    const stopped = own.listener.stop(200);
    await goaway;
    await stopped;
    expect(Date.now() - startMs).to.be.within(150, 5_000);
    await closed;
    expect(await watching).to.be.instanceOf(Error);
    await expectRefused(shown(credentials), own);
    await own.world.close();
  });

  it('a port that is taken is told in one sentence that names it', async () => {
    const problem = await openGrpcWorld({ port: grpc.port }).then(String, (error: Error) => error.message);
    expect(problem).to.match(/^cannot listen on 127\.0\.0\.1:\d+: the port is in use by another process/);
  });
});
