/** The paths that are not objects: health, version, metrics, discovery and OpenAPI. */
import { Router } from '@koa/router';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Registry } from '../registry/types.ts';
import type { Catalog } from '../views/catalog.ts';
import { type AppContext, type AppMiddleware, type AppState, requestContext } from './context.ts';
import { discoveryGroup, discoveryResources, discoveryRoot } from './discovery/discovery.ts';
import { openApiDocuments, openApiRoot } from './discovery/openapi.ts';
import type { VersionInfo } from './discovery/version.ts';
import { methodNotAllowed, unknownPath } from './errors.ts';
import { answerHealth, type HealthChecks, type HealthDeps } from './health.ts';
import { pathRoute } from './middleware/metrics.ts';
import { requireJson } from './objects/negotiation.ts';

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
  router.all('/version', readOnly, (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/version');
    answer(ctx, version);
  });
  return router;
}

export interface PathDeps {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly metrics: Metrics;
  readonly productVersion: string;
}

export function newPaths({ registry, catalog, metrics, productVersion }: PathDeps): Router<AppState, object> {
  const router = new Router<AppState, object>();
  const allowed: AppMiddleware = (ctx, next) => {
    registry.authorizePath(requestContext(ctx), 'get', ctx.path);
    return next();
  };

  router.all('/metrics', readOnly, allowed, async (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/metrics');
    ctx.set('Content-Type', metrics.contentType);
    ctx.body = await metrics.metrics();
  });

  for (const root of ['api', 'apis'] as const) {
    router.all(`/${root}`, readOnly, allowed, (ctx) => {
      ctx.state.labels = pathRoute(ctx.method, `/${root}`);
      const { contentType, body } = discoveryRoot(root, catalog.kinds(), ctx.get('Accept'));
      ctx.set('Vary', 'Accept');
      answer(ctx, body, contentType);
    });
  }
  router.all('/apis/:group', readOnly, allowed, (ctx) => {
    answerDiscovery(ctx, '/apis/', discoveryGroup(ctx.params.group ?? '', catalog.kinds()));
  });
  router.all('/api/:version', readOnly, allowed, (ctx) => {
    answerDiscovery(ctx, '/api/', discoveryResources('', ctx.params.version ?? '', catalog.kinds()));
  });
  router.all('/apis/:group/:version', readOnly, allowed, (ctx) => {
    const { group = '', version = '' } = ctx.params;
    answerDiscovery(ctx, '/apis/', discoveryResources(group, version, catalog.kinds()));
  });

  router.all('/openapi/v3', readOnly, allowed, (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/openapi/v3');
    answer(ctx, openApiRoot(openApiDocuments(catalog.kinds(), productVersion)));
  });
  router.all('/openapi/v3/*path', readOnly, allowed, (ctx) => {
    ctx.state.labels = pathRoute(ctx.method, '/openapi/v3/');
    answerDocument(ctx, catalog, productVersion);
  });
  return router;
}

function answerDiscovery(ctx: AppContext, label: string, body: unknown): void {
  ctx.state.labels = pathRoute(ctx.method, label);
  if (body === undefined) throw unknownPath();
  requireJson(ctx.get('Accept'));
  answer(ctx, body);
}

/** The URL carries the document's hash, so that a client may keep it for ever; a wrong hash is sent to the right one. */
function answerDocument(ctx: AppContext, catalog: Catalog, productVersion: string): void {
  const path = ctx.path.slice('/openapi/v3/'.length);
  const document = openApiDocuments(catalog.kinds(), productVersion).get(path);
  if (document === undefined) throw unknownPath();
  requireJson(ctx.get('Accept'));
  const hash = ctx.query.hash;
  if (hash !== undefined && hash !== document.hash) {
    ctx.redirect(`/openapi/v3/${path}?hash=${document.hash}`);
    ctx.status = 301;
    return;
  }
  ctx.set('Vary', 'Accept');
  ctx.set('ETag', `"${document.hash}"`);
  if (hash === undefined) ctx.set('Cache-Control', 'no-cache, private');
  else {
    ctx.set('Cache-Control', 'public, immutable');
    ctx.set('Expires', new Date(FAR_FUTURE_MS).toUTCString());
  }
  if (ctx.get('If-None-Match') === `"${document.hash}"`) {
    ctx.status = 304;
    return;
  }
  ctx.set('Content-Type', 'application/json');
  ctx.body = document.json;
}

/** 2099-12-31: later than any cache lives. */
const FAR_FUTURE_MS = Date.UTC(2099, 11, 31);

function answer(ctx: AppContext, body: unknown, contentType = 'application/json'): void {
  ctx.set('Content-Type', contentType);
  ctx.body = Buffer.from(JSON.stringify(body));
}
