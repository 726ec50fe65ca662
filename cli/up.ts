/**
 * `gantry up`: store, API server, controllers and one worker in one process, put together here and nowhere else.
 * `gantry server` is the same without the worker.
 *
 * Promises: resolves with everything closed in order after the signal aborts (no new connections, watches ended, writes
 * finished, containers left running); rejects with one sentence when it cannot start, and has then undone what it began.
 */
import { constants } from 'node:fs';
import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Agent, startAgent } from '../agent/agent.ts';
import { openRegistry } from '../api/registry/open.ts';
import type { TlsMaterial } from '../api/server/listener.ts';
import { newApps } from '../api/server/server.ts';
import { writeKubeconfig } from '../client/kubeconfig.ts';
import { explainWhy } from '../controllers/explain/why/explain.ts';
import type { Clock } from '../machinery/clock.ts';
import { fileProblem, writeDurably } from '../machinery/durablefile.ts';
import { messageOf, type StoreError } from '../machinery/errors.ts';
import { workerIdentity } from '../machinery/identity.ts';
import { type Log, openLog } from '../machinery/log.ts';
import { newMetrics } from '../machinery/metrics.ts';
import { systemRandom } from '../machinery/random.ts';
import { machineNames } from '../net/machine.ts';
import { measurePki, openPki, type Pki } from '../net/pki.ts';
import { openRuntime } from '../runtime/open.ts';
import { writeBackup } from '../store/backup/writer.ts';
import { engineOf } from '../store/open.ts';
import { openAccess } from './access.ts';
import { ClusterKeys, keysIn } from './clusterkeys.ts';
import { productVersion } from './commands/version.ts';
import { keepWorkerName } from './config.ts';
import { startControlling } from './controlling.ts';
import { openDoors } from './doors.ts';
import { readEncryption } from './encryption.ts';
import type { Output } from './io.ts';
import { startListeners } from './listeners.ts';
import { noWorkers } from './noworkers.ts';
import { measureProcess } from './processmetrics.ts';
import { renewCertificates } from './renewal.ts';
import type { Settings } from './settings.ts';
import { openStoreOf } from './storeopening.ts';
import { TRANSIENT_PREFIXES } from './storeprefixes.ts';

/** Why it could not start, or go on, in one sentence. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
  }
}

export interface UpContext {
  readonly clock: Clock;
  readonly stdout: Output;
  /** Says where the engine's certificates are, as Docker's own variables do. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts when it is time to stop. */
  readonly signal: AbortSignal;
  /** False: no worker in this process. */
  readonly hasWorker: boolean;
  /** Called once it serves, with the way to the administrator's kubeconfig; when it rejects, what was begun is undone. */
  readonly onServing?: (kubeconfig: string) => Promise<void>;
}

/** What is left to close when the store is lost gets this long, milliseconds. */
const LOST_GRACE_MS = 2_000;

export async function runUp(settings: Settings, context: UpContext): Promise<void> {
  const { clock, signal } = context;
  const version = await productVersion();
  const random = systemRandom;
  // What was opened, to be closed in the opposite order, whether the start succeeds or not.
  await using opened = new AsyncDisposableStack();
  await makeHome(settings.home);
  const log = openLog({
    level: settings.logLevel,
    format: settings.logFormat,
    ...(settings.logFile === undefined ? {} : { path: settings.logFile }),
  });
  const metrics = newMetrics();
  measureProcess(metrics, version, clock);

  const lost = Promise.withResolvers<StoreError>();
  // First, because it owns the data directory: a second process ends here and has touched nothing.
  const store = await openStoreOf(settings, {
    clock,
    metrics,
    log,
    random,
    retention: { historyMs: settings.historyRetentionMs, transientPrefixes: TRANSIENT_PREFIXES },
    onLost: lost.resolve,
  });
  opened.defer(() => store.close());
  // As the store has them: opening it made the file where there was none.
  const encryption =
    settings.store === 'memory:' ? undefined : await readEncryption(settings.encryptionKeyFile);
  if (context.hasWorker) await keepWorkerName(settings);
  if (settings.pidFile !== undefined) opened.defer(await writePidFile(settings.pidFile));

  const keys = new ClusterKeys({
    home: settings.home,
    isShared: store.isShared,
    registry: () => registry,
    clock,
  });
  const registry = await openRegistry({
    store,
    clock,
    random,
    log,
    metrics,
    namespaceLimits: { maxObjects: settings.namespaceMaxObjects, maxBytes: settings.namespaceMaxBytes },
    allowedHostPaths: settings.hostPathAllowed,
    idempotency: { ttlMs: settings.idempotencyTtlMs, maxKeys: settings.idempotencyMaxKeys },
    ...(await openAccess(settings, { clock, log, metrics, authority: keys.tokens })),
  });
  opened.defer(() => registry.close());

  await keys.open();
  const names = machineNames();
  const reopenPki = (): Promise<Pki> =>
    openPki({
      directory: keysIn(settings.home),
      keys: keys.keys,
      clock,
      hostnames: [...names.hostnames, ...settings.tlsSan.filter((name) => !isAddress(name))],
      addresses: [...names.addresses, ...settings.tlsSan.filter(isAddress)],
    });
  let pki = await reopenPki();
  measurePki(metrics, () => pki);

  const startWorker = async (): Promise<Pick<Agent, 'link' | 'readStats'>> => {
    await pki.issueWorker(settings.workerName);
    const agent = await startAgent({
      client: registry.as(workerIdentity(settings.workerName)),
      runtime: openRuntime(`docker:${settings.dockerHost}`, { clock, metrics, env: context.env }),
      clock,
      random,
      log,
      metrics,
      workerName: settings.workerName,
      clusterId: store.clusterId,
      agentVersion: version,
      publishAddress: settings.publishAddress,
      seccompProfiles: settings.seccompDir,
      networks: { range: settings.taskCidr, prefix: settings.taskNetworkPrefix },
      volumes: {
        directory: settings.volumesDir,
        runDirectory: settings.runDir,
        memoryCandidates: [context.env['XDG_RUNTIME_DIR'] ?? '', '/dev/shm'].filter((path) => path !== ''),
        userId: process.getuid?.() ?? -1,
        hostPathAllowed: settings.hostPathAllowed,
      },
      diskReservedPercent: settings.diskReservedPercent,
      images: {
        atOnce: settings.imagePullsAtOnce,
        progressDeadlineMs: settings.imagePullProgressDeadlineMs,
        highPercent: settings.imageGcHighPercent,
        lowPercent: settings.imageGcLowPercent,
        recordFile: join(settings.home, 'images.json'),
      },
      logArchive: {
        directory: join(settings.home, 'logs'),
        retentionMs: settings.logRetentionMs,
        retentionBytes: settings.logRetentionBytes,
      },
      renewMs: settings.leaseRenewSeconds * 1000,
      leaseSeconds: settings.leaseDurationSeconds,
    });
    opened.defer(() => agent.stop());
    return agent;
  };
  const worker = context.hasWorker ? await startWorker() : undefined;
  const workerLink = worker?.link ?? noWorkers;

  const controlling = startControlling({
    registry,
    isShared: store.isShared,
    clock,
    random,
    log,
    metrics,
    lostAfterMs: settings.leaseDurationSeconds * 1000,
    timing: {
      leaseDurationMs: settings.leaderElectLeaseMs,
      renewDeadlineMs: settings.leaderElectRenewDeadlineMs,
      retryPeriodMs: settings.leaderElectRetryPeriodMs,
    },
  });
  opened.defer(() => controlling.stop());

  const checkStore = async (): Promise<void> => void (await store.get('/liveness'));
  const parts = { registry, workerLink, metrics, clock, random, log, productVersion: version, checkStore };
  const doors = openDoors(settings, {
    ...parts,
    isScheduling: controlling.isScheduling,
    readStats: worker?.readStats,
  });
  opened.defer(() => doors.close());
  const apps = newApps({
    ...parts,
    livenessChecks: [{ name: 'store', check: checkStore }],
    readinessChecks: [controlling.readiness],
    doors: doors.main,
    monitoring: settings,
    explain: explainWhy,
    backup: (backupSignal) =>
      writeBackup({
        store,
        clock,
        engine: engineOf(settings.store),
        gantryVersion: version,
        signal: backupSignal,
        ...(encryption === undefined ? {} : { encryption }),
      }),
  });
  const listeners = await started(
    startListeners(
      settings,
      {
        ...parts,
        isScheduling: controlling.isScheduling,
        readStats: worker?.readStats,
        apps,
        doors,
        tls: tlsMaterial(pki),
        stdout: context.stdout,
      },
      opened,
    ),
  );
  const server = `https://${listeners.server}`;
  const kubeconfig = join(settings.home, 'kubeconfig');
  const writeAccess = ({ authority, admin }: Pki): Promise<void> =>
    writeKubeconfig(kubeconfig, {
      server: server.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:'),
      authority,
      certificate: admin.certificate,
      key: admin.key,
    });
  await writeAccess(pki);
  const stopRenewal = new AbortController();
  const renewing = renewCertificates(
    {
      pki,
      reopen: reopenPki,
      async use(renewed) {
        listeners.renew(tlsMaterial(renewed));
        if (context.hasWorker) await renewed.issueWorker(settings.workerName);
        await writeAccess(renewed);
        pki = renewed;
      },
      clock,
      log,
    },
    stopRenewal.signal,
  );
  opened.defer(async () => {
    stopRenewal.abort();
    await renewing;
  });
  await context.stdout.write(`Gantry serves ${server}, kubeconfig ${kubeconfig}\n`);
  log.info(
    { server, ...(context.hasWorker ? { worker: settings.workerName } : {}), cluster: store.clusterId },
    'started',
  );

  await context.onServing?.(kubeconfig);
  const loss = await Promise.race([aborted(signal), lost.promise]);
  if (loss !== undefined) {
    // Nothing can be served any more: whoever started the process is told by its end, and starts it again.
    log.fatal({ err: loss }, loss.message);
    const closing = Promise.allSettled([controlling.stop(), opened.disposeAsync()]);
    await Promise.race([closing, new Promise<void>((resolve) => clock.after(LOST_GRACE_MS, resolve))]);
    await flushed(log);
    throw new StartError(loss.message, { cause: loss });
  }
  log.info('stopping: containers stay as they are');
  // At once, beside the requests that end here: where another server can take the controllers over, it need not wait.
  await Promise.all([controlling.stop(), opened.disposeAsync()]);
  log.info('stopped');
  await flushed(log);
}

function flushed(log: Log): Promise<void> {
  return new Promise((resolve, reject) => log.flush((error) => (error ? reject(error) : resolve())));
}

function tlsMaterial({ server, authority }: Pki): TlsMaterial {
  return { cert: server.certificate, key: server.key, ca: authority };
}

async function makeHome(home: string): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await access(home, constants.W_OK);
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const problem = isThere ? 'it is not a directory' : fileProblem(error);
    throw new StartError(`cannot use the data directory ${home}: ${problem}`, { cause: error });
  }
}

/** Gives what removes it again. */
async function writePidFile(path: string): Promise<() => Promise<void>> {
  try {
    await writeDurably(path, `${process.pid}\n`, { mode: 0o644 });
  } catch (error) {
    throw new StartError(`cannot write the pid file ${path}: ${fileProblem(error)}`, { cause: error });
  }
  return () => rm(path, { force: true });
}

async function started<T>(starting: Promise<T>): Promise<T> {
  try {
    return await starting;
  } catch (error) {
    throw new StartError(messageOf(error), { cause: error });
  }
}

function isAddress(name: string): boolean {
  return name.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}

function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}
