/**
 * The HTTP application, top-down on one page. Every request walks these few middleware in this order; everything else
 * is a route. Who asks is the listener's finding (`listener.ts`); what may be done is the registry's decision.
 */
import Koa from 'koa';
import type { Clock } from '../../machinery/clock.ts';
import type { Log } from '../../machinery/log.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Random } from '../../machinery/random.ts';
import type { Explain } from '../../machinery/why.ts';
import type { WorkerLink } from '../../machinery/workerlink.ts';
import type { Door } from '../doors/door.ts';
import type { Registry } from '../registry/types.ts';
import { bindingTable } from '../views/bindingtable.ts';
import { openCatalog } from '../views/catalog.ts';
import { controllerRevisionTable } from '../views/controllerrevisiontable.ts';
import { configMapTable, secretTable, serviceAccountTable } from '../views/datatable.ts';
import { eventTable } from '../views/event.ts';
import { eventsV1Table, eventsV1View } from '../views/eventsv1.ts';
import { nodeView } from '../views/node.ts';
import { nodeTable } from '../views/nodetable.ts';
import { podView } from '../views/pod.ts';
import { SESSIONS } from '../views/podkind.ts';
import { podTable } from '../views/podtable.ts';
import { resourceQuotaTable } from '../views/resourcequotatable.ts';
import { openServiceKind } from '../views/services.ts';
import { openUsageKinds } from '../views/usage.ts';
import { type BackupSource, servesBackups } from './backups.ts';
import type { AppMiddleware, AppState } from './context.ts';
import { versionInfo } from './discovery/version.ts';
import { answeringErrors, unknownPath } from './errors.ts';
import { servesWhy } from './explain/why.ts';
import type { HealthCheck } from './health.ts';
import { logged } from './middleware/accesslog.ts';
import { audited } from './middleware/audit.ts';
import { admitted, authenticated } from './middleware/authentication.ts';
import { compressed } from './middleware/compression.ts';
import { deadlined } from './middleware/deadline.ts';
import { flowControlled } from './middleware/flowcontrol.ts';
import { refusingForeignForms } from './middleware/foreignforms.ts';
import { measured, newServerMetrics, type ServerMetrics } from './middleware/metrics.ts';
import { traced } from './middleware/tracing.ts';
import { type MonitoringSettings, servesMonitoring } from './monitoring/monitoring.ts';
import { servesHistory } from './objects/history.ts';
import { newPaths, newPublicPaths } from './paths.ts';
import { newRoutes } from './routes.ts';
import { readsParameters } from './searchparams.ts';
import { SessionLimit } from './streams/limit.ts';

export interface AppDeps {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  /** The process's metrics: served at `/metrics`, and where the server registers its own. */
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** package.json's version. */
  readonly productVersion: string;
  readonly gitCommit?: string;
  /** Failing means: restart the process. */
  readonly livenessChecks?: readonly HealthCheck[];
  /** Failing means: ask later. That the registry's caches are full is always one of them. */
  readonly readinessChecks?: readonly HealthCheck[];
  readonly doors: readonly Door[];
  /** What is told to Prometheus beside the process's own metrics; default everything. */
  readonly monitoring?: MonitoringSettings;
  /** Absent: none can be taken here. */
  readonly backup?: BackupSource;
  /** What answers `…/why`; absent: nobody is told. */
  readonly explain?: Explain;
}

/** One application serves any number of listeners. */
export interface Apps {
  /** The Kubernetes API with the doors beside it. */
  readonly whole: Koa<AppState, object>;
  /**
   * These doors and nothing else, for a listener of their own. Their requests walk the same middleware, and share the
   * metrics and the seats of the others.
   * @param outermost goes before authentication: cross-origin questions are asked by nobody
   */
  doorsOnly(doors: readonly Door[], outermost?: readonly AppMiddleware[]): Koa<AppState, object>;
}

export function newApp(deps: AppDeps): Koa<AppState, object> {
  return newApps(deps).whole;
}

export function newApps(deps: AppDeps): Apps {
  const { registry, metrics, clock, random, log, productVersion } = deps;
  const serverMetrics = newServerMetrics(metrics);
  const seated = flowControlled({ clock, metrics });
  const checks = {
    live: deps.livenessChecks ?? [],
    ready: [cachesFull(registry), ...(deps.readinessChecks ?? [])],
  };
  const publicPaths = newPublicPaths(versionInfo(productVersion, deps.gitCommit), checks, { clock, log });
  /** What every request walks through, in this order, before it reaches what answers it. */
  const open = (
    doors: readonly Door[],
    outermost: readonly AppMiddleware[],
    usePublicPaths: (app: Koa<AppState, object>) => void,
  ): Koa<AppState, object> => {
    const app = new Koa<AppState, object>();
    readsParameters(app);
    app.on('error', (error) => {
      if (isOfPeer(error)) log.debug({ err: error }, 'the client went away or sent no HTTP');
      else log.error({ err: error }, 'answer failed');
    });
    app.use(traced(random));
    app.use(measured(serverMetrics, clock, doors));
    app.use(logged(log, clock));
    app.use(answeringErrors(log, doors));
    for (const middleware of outermost) app.use(middleware);
    app.use(compressed());
    app.use(admitted());
    usePublicPaths(app);
    app.use(audited(registry, clock));
    app.use(authenticated(registry));
    app.use(seated);
    app.use(deadlined(clock, log));
    app.use(throughDoors(doors));
    return app;
  };
  const unknown: AppMiddleware = () => {
    throw unknownPath();
  };

  const whole = open(deps.doors, [refusingForeignForms()], (app) => app.use(publicPaths.routes()));
  useKubernetes(whole, deps, serverMetrics);
  whole.use(unknown);
  return {
    whole,
    doorsOnly(doors, outermost = []) {
      const app = open(doors, outermost, () => undefined);
      app.use(unknown);
      return app;
    },
  };
}

/** The routes of the Kubernetes API. */
function useKubernetes(app: Koa<AppState, object>, deps: AppDeps, serverMetrics: ServerMetrics): void {
  const { registry, workerLink, metrics, clock, log, productVersion } = deps;
  const catalog = openCatalog(
    registry,
    [podView, nodeView, eventsV1View],
    { 'tasks.gantry.dev': [{ name: 'log', verbs: ['get'] }, ...SESSIONS] },
    [...openUsageKinds({ registry, workerLink, clock }), openServiceKind(registry)],
  );
  const printers = new Map([
    ['/pods', podTable],
    ['/nodes', nodeTable],
    ['/events', eventTable],
    ['events.k8s.io/events', eventsV1Table],
    ['/configmaps', configMapTable],
    ['/secrets', secretTable],
    ['rbac.authorization.k8s.io/rolebindings', bindingTable],
    ['rbac.authorization.k8s.io/clusterrolebindings', bindingTable],
    ['/serviceaccounts', serviceAccountTable],
    ['/resourcequotas', resourceQuotaTable],
    ['apps/controllerrevisions', controllerRevisionTable],
  ]);
  if (deps.explain !== undefined) {
    app.use(servesWhy({ registry, catalog, workerLink, clock, explain: deps.explain }));
  }
  app.use(servesHistory({ registry, catalog }));
  app.use(
    newRoutes({
      registry,
      catalog,
      printers,
      clock,
      metrics: serverMetrics,
      workerLink,
      sessions: new SessionLimit(),
      log,
    }),
  );
  if (deps.backup !== undefined) {
    app.use(servesBackups({ registry, metrics: serverMetrics, clock, source: deps.backup }));
  }
  const monitoring = deps.monitoring ?? { stateMetrics: true, containerMetrics: true };
  app.use(servesMonitoring({ registry, workerLink, clock, settings: monitoring }));
  app.use(newPaths({ registry, catalog, metrics, productVersion }).routes());
}

/** Each door sees its own paths and no others. */
function throughDoors(doors: readonly Door[]): AppMiddleware {
  return (ctx, next) => {
    const door = doors.find((candidate) => candidate.owns(ctx.path));
    return door === undefined ? next() : door.middleware(ctx, next);
  };
}

/** What a client can cause at will, so nothing for whoever keeps the server. */
function isOfPeer({ code = '' }: NodeJS.ErrnoException): boolean {
  return (
    ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code) || /^(?:HPE|ERR_HTTP2)_/.test(code)
  );
}

function cachesFull(registry: Registry): HealthCheck {
  return {
    name: 'caches',
    check() {
      if (!registry.isReady()) throw new Error('the registry still reads the store into its caches');
    },
  };
}
