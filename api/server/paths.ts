/** The paths that are not objects: health, version, metrics, discovery and OpenAPI. */
import { Router } from '@koa/router';
import { isApiError } from '../../machinery/errors.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Registry } from '../registry/types.ts';
import type { Catalog } from '../views/catalog.ts';
import { type AppContext, type AppMiddleware, type AppState, requestContext } from './context.ts';
import { discoveryGroup, discoveryPaths, discoveryResources, discoveryRoot } from './discovery/discovery.ts';
import { answerDocument, type DocumentBytes, keptWith, newDocument } from './discovery/documents.ts';
import { OpenApi } from './discovery/openapi.ts';
import { PROTOBUF_TYPES, swaggerJson, swaggerProtobuf } from './discovery/swagger.ts';
import type { VersionInfo } from './discovery/version.ts';
import { methodNotAllowed, unknownPath } from './errors.ts';
import { answerHealth, type HealthChecks, type HealthDeps } from './health.ts';
import { pathRoute } from './middleware/metrics.ts';
import { DISCOVERY_PATHS, STATE_PATH } from './monitoring/monitoring.ts';
import { isJsonRange, notAcceptable, parseAccept, requireJson } from './objects/negotiation.ts';
import { OPENMETRICS_TYPE, openMetricsText, wantsOpenMetrics } from './openmetrics.ts';

/** Everything here is only read. The routes take all methods, so that the others are answered with 405. */
const readOnly: AppMiddleware = (ctx, next) => {
  if (ctx.method === 'GET' || ctx.method === 'HEAD') return next();
  throw methodNotAllowed(ctx, ['GET']);
};

/** Answered without asking who it is. */
export function newPublicPaths(
  version: VersionInfo,
  checks: HealthChecks,
  deps: HealthDeps,
): Router<AppState, object> {
  const router = new Router<AppState, object>();
  for (const endpoint of ['livez', 'readyz', 'healthz'] as const) {
    router.all([`/${endpoint}`, `/${endpoint}/:check`], readOnly, async (ctx) => {
      ctx.state.labels = pathRoute(ctx.method, `/${endpoint}`);
      const isKnown = await answerHealth(ctx, endpoint, checks, deps, ctx.params.check);
      if (!isKnown) throw unknownPath();
    });
  }
  const document = newDocument('application/json', version);
  router.all('/version', readOnly, (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/version');
    ctx.set('Cache-Control', 'no-cache, private');
    answerDocument(ctx, document);
  });
  return router;
}

export interface PathDeps {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly metrics: Metrics;
  readonly productVersion: string;
}

/** What `/` lists beside the groups. */
const OWN_PATHS = [
  ...DISCOVERY_PATHS,
  '/healthz',
  '/healthz/ping',
  '/livez',
  '/livez/ping',
  '/metrics',
  STATE_PATH,
  '/openapi/v2',
  '/openapi/v3',
  '/readyz',
  '/readyz/ping',
  '/readyz/shutdown',
  '/version',
];

export function newPaths({ registry, catalog, metrics, productVersion }: PathDeps): Router<AppState, object> {
  const router = new Router<AppState, object>();
  const openApi = new OpenApi(productVersion);
  const allowed: AppMiddleware = (ctx, next) => {
    registry.authorizePath(requestContext(ctx), 'get', ctx.path);
    return next();
  };
  /** With the kinds that other servers have told of by now; with those known here while the store does not answer. */
  const settled: AppMiddleware = async (_ctx, next) => {
    try {
      await registry.settleKinds();
    } catch (error) {
      if (!isApiError(error, 'ServiceUnavailable')) throw error;
    }
    await next();
  };

  router.all('/', readOnly, allowed, (ctx) => {
    const kinds = catalog.kinds();
    const root = keptWith(kinds, 'paths', () =>
      newDocument('application/json', {
        paths: [...new Set(['/api', '/apis', ...discoveryPaths(kinds), ...OWN_PATHS])].sort(),
      }),
    );
    answerDiscovery(ctx, '/', root);
  });

  router.all('/metrics', readOnly, allowed, async (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/metrics');
    ctx.set('Vary', 'Accept');
    const isOpenMetrics = wantsOpenMetrics(ctx.get('Accept'));
    ctx.set('Content-Type', isOpenMetrics ? OPENMETRICS_TYPE : metrics.contentType);
    ctx.body = isOpenMetrics ? await openMetricsText(metrics) : await metrics.metrics();
  });

  for (const root of ['api', 'apis'] as const) {
    router.all(`/${root}`, readOnly, allowed, settled, (ctx) => {
      ctx.state.labels = pathRoute(ctx.method, `/${root}`);
      const document = discoveryRoot(root, catalog.kinds(), ctx.get('Accept'));
      ctx.set('Vary', 'Accept');
      // Kept by clients, and asked for again each time with the ETag.
      ctx.set('Cache-Control', 'public');
      answerDocument(ctx, document);
    });
  }
  router.all('/apis/:group', readOnly, allowed, settled, (ctx) => {
    answerDiscovery(ctx, '/apis/', discoveryGroup(ctx.params.group ?? '', catalog.kinds()));
  });
  router.all('/api/:version', readOnly, allowed, settled, (ctx) => {
    answerDiscovery(ctx, '/api/', discoveryResources('', ctx.params.version ?? '', catalog.kinds()));
  });
  router.all('/apis/:group/:version', readOnly, allowed, settled, (ctx) => {
    const { group = '', version = '' } = ctx.params;
    // The core group has no name, and so no place here.
    const found = group === '' ? undefined : discoveryResources(group, version, catalog.kinds());
    answerDiscovery(ctx, '/apis/', found);
  });

  router.all(['/openapi/v2', '/swagger-2.0.0.pb-v1'], readOnly, allowed, settled, (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/openapi/v2');
    const isOldPath = ctx.path.startsWith('/swagger');
    const isProtobuf = isOldPath || wantsProtobuf(ctx.get('Accept'));
    ctx.set('Vary', 'Accept');
    ctx.set('Cache-Control', 'no-cache, private');
    answerDocument(ctx, (isProtobuf ? swaggerProtobuf : swaggerJson)(catalog.kinds(), productVersion));
  });
  router.all('/openapi/v3', readOnly, allowed, settled, (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/openapi/v3');
    requireJson(ctx.get('Accept'));
    ctx.set('Vary', 'Accept');
    ctx.set('Cache-Control', 'no-cache, private');
    answerDocument(ctx, openApi.root(catalog.kinds()));
  });
  router.all('/openapi/v3/*path', readOnly, allowed, settled, (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/openapi/v3/');
    const path = ctx.path.slice('/openapi/v3/'.length);
    answerOpenApi(ctx, path, openApi.documents(catalog.kinds()).get(path));
  });
  return router;
}

function answerDiscovery(ctx: AppContext, label: string, document: DocumentBytes | undefined): void {
  ctx.state.labels = pathRoute(ctx.method, label);
  if (document === undefined) throw unknownPath();
  requireJson(ctx.get('Accept'));
  ctx.set('Cache-Control', 'no-cache, private');
  answerDocument(ctx, document);
}

/** Throws `NotAcceptable`. */
function wantsProtobuf(accept: string): boolean {
  for (const range of parseAccept(accept)) {
    if (PROTOBUF_TYPES.includes(range.type)) return true;
    if (isJsonRange(range)) return false;
  }
  throw notAcceptable(['application/json', ...PROTOBUF_TYPES]);
}

/** The URL carries the document's hash, so that a client may keep it for ever; a wrong hash is sent to the right one. */
function answerOpenApi(ctx: AppContext, path: string, document: DocumentBytes | undefined): void {
  if (document === undefined) throw unknownPath();
  requireJson(ctx.get('Accept'));
  const hash = ctx.query.hash;
  if (hash !== undefined && hash !== document.hash) {
    ctx.redirect(`/openapi/v3/${path}?hash=${document.hash}`);
    ctx.status = 301;
    return;
  }
  ctx.set('Vary', 'Accept');
  if (hash === undefined) ctx.set('Cache-Control', 'no-cache, private');
  else {
    ctx.set('Cache-Control', 'public, immutable');
    ctx.set('Expires', new Date(FAR_FUTURE_MS).toUTCString());
  }
  answerDocument(ctx, document);
}

/** 2099-12-31: later than any cache lives. */
const FAR_FUTURE_MS = Date.UTC(2099, 11, 31);
