/**
 * The job runner for tests: the real door over the real registry on the memory store, certificates of every kind, a
 * scripted worker, and gRPC by hand over HTTP/2, so that nothing of the server's own library answers for it.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  PemConverter,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { grpcDoor } from '../../../api/doors/grpc/grpc.ts';
import type { TlsListener } from '../../../api/server/listener.ts';
import { type JobsClient, openJobsClient } from '../../../client/jobs.ts';
import { systemClock } from '../../../machinery/clock.ts';
import type { Log } from '../../../machinery/log.ts';
import { silentLog } from '../../../machinery/log.ts';
import { systemRandom } from '../../../machinery/random.ts';
import type { LogEntry, LogEntryOptions, TaskRef, WorkerLink } from '../../../machinery/workerlink.ts';
import { type Credentials, makeAuthority, newKey, signLeaf } from '../../../net/certificates.ts';
import { clusterRoleBindings, runs, tasks, taskTemplates } from '../../../schemas/kinds.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { openWorld, type World, type WorldOptions } from '../../world.ts';
import { noWorkers } from '../server/harness.ts';

export type Script = (
  task: TaskRef,
  options: LogEntryOptions,
  signal: AbortSignal,
) => Promise<AsyncIterable<LogEntry>>;

export interface GrpcWorld {
  readonly world: World;
  readonly port: number;
  readonly listener: TlsListener;
  readonly authority: Credentials;
  readonly server: Credentials;
  /** What a worker says when it is asked for the log. */
  script: Script;
  /** A certificate of the cluster's authority for this user. */
  issue(user: string, groups?: readonly string[]): Promise<Credentials>;
  clientOf(credentials: Credentials): JobsClient;
  /** Lets a user deal with what they started (`own`) or with all jobs. */
  grant(user: string, role: 'gantry:job-runner' | 'gantry:job-runner-admin'): Promise<void>;
  runOf(id: string): Promise<Run>;
  /** Tells what the run controller would of the job. */
  tell(id: string, status: NonNullable<Run['status']>): Promise<Run>;
  /** Makes a try of the job's work, as the run controller would, on the worker `w`. */
  addTry(id: string, attempt?: number, status?: NonNullable<Task['status']>): Promise<Task>;
  close(): Promise<void>;
}

const DAYS = { nowMs: Date.now(), days: 30 };

const TEMPLATES: readonly [name: string, parameters: Record<string, unknown>][] = [
  ['noop', {}],
  ['fib', { position: { type: 'integer', minimum: 1, maximum: 10_000 } }],
  ['eval', { expression: { type: 'string', minLength: 1 } }],
  ['wait', { seconds: { type: 'integer', minimum: 0 }, url: { type: 'string' } }],
];

export async function newAuthority(name = 'gantry-ca'): Promise<Credentials> {
  const key = await newKey();
  return { key, certificate: await makeAuthority(name, key, DAYS, systemRandom) };
}

export async function openGrpcWorld(
  options: WorldOptions & {
    readonly log?: Log;
    readonly hasAuthority?: boolean;
    readonly port?: number;
  } = {},
): Promise<GrpcWorld> {
  const world = await openWorld(options);
  const authority = await newAuthority();
  const serverKey = await newKey();
  const leaf = {
    subject: { commonName: 'gantry-server' },
    usage: 'server',
    names: ['localhost', '127.0.0.1'],
  } as const;
  const server = {
    key: serverKey,
    certificate: await signLeaf(authority, leaf, serverKey, DAYS, systemRandom),
  };
  const { admin, registry, random, metrics } = world;
  for (const [name, properties] of TEMPLATES) {
    const required = Object.keys(properties);
    await admin.create(taskTemplates, {
      apiVersion: 'gantry.dev/v1',
      kind: 'TaskTemplate',
      metadata: { name, namespace: 'default' },
      spec: {
        parameters: {
          type: 'object',
          additionalProperties: false,
          properties,
          ...(required.length === 0 ? {} : { required }),
        },
        template: { spec: { image: 'busybox' } },
      },
    });
  }
  const state = { script: undefined as Script | undefined };
  const workerLink: WorkerLink = {
    ...noWorkers,
    logEntries: (worker, task, wish, signal) =>
      state.script === undefined
        ? noWorkers.logEntries(worker, task, wish, signal)
        : state.script(task, wish, signal),
  };
  const listener = grpcDoor({
    host: '127.0.0.1',
    port: options.port ?? 0,
    // Connections are real, and so is the time they take.
    clock: systemClock,
    log: options.log ?? silentLog,
    cert: server.certificate,
    key: server.key,
    ca: options.hasAuthority === false ? '' : authority.certificate,
    registry,
    workerLink,
    random,
    metrics,
    namespace: 'default',
  });
  const { port } = await listener.start();
  const clients: JobsClient[] = [];
  const keyOf = (id: string): { namespace: string; name: string } => ({
    namespace: 'default',
    name: id.toLowerCase(),
  });

  return {
    world,
    port,
    listener,
    authority,
    server,
    get script() {
      return state.script ?? (() => Promise.reject(new Error('no script')));
    },
    set script(script) {
      state.script = script;
    },
    async issue(user, groups = []) {
      const key = await newKey();
      const subject = { commonName: user, organizations: groups };
      const certificate = await signLeaf(authority, { subject, usage: 'client' }, key, DAYS, systemRandom);
      return { key, certificate };
    },
    clientOf({ certificate, key }) {
      const host = `127.0.0.1:${port}`;
      const client = openJobsClient(
        { host, certificate, key, authority: authority.certificate },
        systemClock,
      );
      clients.push(client);
      return client;
    },
    async grant(user, role) {
      await admin.create(clusterRoleBindings, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: `${user}-${role.replace(':', '-')}` },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: user }],
      });
    },
    runOf: (id) => admin.get(runs, keyOf(id)),
    async tell(id, status) {
      return admin.update(runs, { ...(await admin.get(runs, keyOf(id))), status }, { subresource: 'status' });
    },
    async addTry(id, attempt = 1, status = { workerName: 'w' }) {
      const run = await admin.get(runs, keyOf(id));
      const { name, uid = '' } = run.metadata;
      const made = await admin.create(tasks, {
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: {
          name: `${name}-work-${attempt}`,
          namespace: 'default',
          labels: { 'gantry.dev/run': name },
          ownerReferences: [{ apiVersion: 'gantry.dev/v1', kind: 'Run', name, uid, controller: true }],
        },
        spec: { image: 'busybox', terminationGracePeriodSeconds: 7 },
      });
      return admin.update(tasks, { ...made, status }, { subresource: 'status' });
    },
    async close() {
      for (const client of clients) client.close();
      await listener.stop(500);
      await world.close();
    },
  };
}

/** A log entry of the first container, at a whole second. */
export function entry(text: string | Uint8Array, rest: Partial<LogEntry> = {}): LogEntry {
  const data = typeof text === 'string' ? Buffer.from(text) : text;
  return { time: '2026-01-01T00:00:01.123456789Z', stream: 'stdout', attempt: 1, data, ...rest };
}

export interface OddCertificate {
  /** Default: P-256. */
  readonly key?: webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams;
  /** Of the authority's signature; default SHA-256. */
  readonly hash?: 'SHA-1' | 'SHA-256';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Default: clientAuth. */
  readonly usages?: readonly string[];
  readonly commonName?: string;
}

export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** A certificate as a mistaken or wrong client would show it. `authority` undefined: it signs itself. */
export async function oddCertificate(
  authority: Credentials | undefined,
  odd: OddCertificate = {},
): Promise<Credentials> {
  const { key = P256, hash = 'SHA-256', commonName = 'ann' } = odd;
  const pair = await webcrypto.subtle.generateKey(key, true, ['sign', 'verify']);
  const signingKey =
    authority === undefined
      ? pair.privateKey
      : await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(authority.key), P256, true, [
          'sign',
        ]);
  const subject = commonName === '' ? 'O=nobody' : `CN=${commonName}`;
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: '01',
      subject,
      issuer: authority === undefined ? subject : new X509Certificate(authority.certificate).issuer,
      publicKey: pair.publicKey,
      signingKey,
      notBefore: odd.notBefore ?? new Date(Date.now() - 60_000),
      notAfter: odd.notAfter ?? new Date(Date.now() + 3_600_000),
      signingAlgorithm: { name: 'ECDSA', hash },
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        ...(odd.usages?.length === 0
          ? []
          : [new ExtendedKeyUsageExtension([...(odd.usages ?? [CLIENT_AUTH])])]),
      ],
    },
    webcrypto,
  );
  const der = await webcrypto.subtle.exportKey('pkcs8', pair.privateKey);
  return { certificate: certificate.toString('pem'), key: PemConverter.encode(der, 'PRIVATE KEY') };
}

export interface RawAnswer {
  /** gRPC's code. */
  readonly code: number;
  readonly message: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly frames: readonly Buffer[];
}

export interface RawSession {
  readonly socket: TLSSocket;
  readonly session: ClientHttp2Session;
  call(path: string, messages: readonly Uint8Array[], headers?: Record<string, string>): Promise<RawAnswer>;
  close(): void;
}

/** A connection without any gRPC library. A refusal shows with the first call: TLS 1.3 tells it after the handshake. */
export function openRaw(grpc: Pick<GrpcWorld, 'port' | 'authority'>, options: ConnectionOptions): RawSession {
  const socket = connectTls({
    host: '127.0.0.1',
    port: grpc.port,
    ca: grpc.authority.certificate,
    ALPNProtocols: ['h2'],
    servername: 'localhost',
    ...options,
  });
  const session = connectHttp2('https://localhost', { createConnection: () => socket });
  // Told by the calls that fail with it.
  session.on('error', () => undefined);
  return {
    socket,
    session,
    call: (path, messages, headers = {}) =>
      new Promise((resolve, reject) => {
        const request = session.request({
          ':method': 'POST',
          ':path': path,
          'content-type': 'application/grpc',
          te: 'trailers',
          ...headers,
        });
        const chunks: Buffer[] = [];
        let head: Record<string, unknown> = {};
        let tail: Record<string, unknown> = {};
        request.on('response', (found) => (head = found));
        request.on('trailers', (found) => (tail = found));
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('error', reject);
        request.on('close', () => {
          const all = { ...head, ...tail };
          if (all['grpc-status'] === undefined)
            return reject(new Error('the connection ended without an answer'));
          resolve({
            code: Number(all['grpc-status']),
            message: decodeURIComponent(wordsOf(all['grpc-message'])),
            headers: head,
            frames: framesIn(Buffer.concat(chunks)),
          });
        });
        for (const message of messages) request.write(framed(message));
        request.end();
      }),
    close() {
      session.destroy();
      socket.destroy();
    },
  };
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function framesIn(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    frames.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return frames;
}

function wordsOf(header: unknown): string {
  return typeof header === 'string' ? header : '';
}
