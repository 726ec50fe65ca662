/**
 * The OpenAPI documents of the HTTP doors: `GET /openapi/doors` lists them, `GET /openapi/doors/{name}` is one.
 * Each is loaded when it is first asked for.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { identityOf } from '../../server/context.ts';
import { methodNotAllowed } from '../../server/errors.ts';
import { pathRoute } from '../../server/middleware/metrics.ts';
import type { Door } from '../door.ts';

const ROOT = '/openapi/doors';

const DOCUMENTS: Readonly<Record<string, () => Promise<{ readonly document: object }>>> = {
  tasks: () => import('../../../schemas/doors/tasks.gen.ts'),
  dispatch: () => import('../../../schemas/doors/dispatch.gen.ts'),
  jobs: () => import('../../../schemas/doors/jobs.gen.ts'),
};

/** Anybody who is known may read them: they are the same everywhere. */
export function documentsDoor(): Door {
  return {
    name: 'documents',
    owns: (path) => path === ROOT || path.startsWith(`${ROOT}/`),
    describeError: (error) => ({ code: error.code, body: error.toStatus() }),
    async middleware(ctx) {
      if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET']);
      identityOf(ctx);
      ctx.state.labels = pathRoute(ctx.method, ROOT);
      const name = ctx.path.slice(ROOT.length + 1);
      ctx.set('Content-Type', 'application/json');
      if (name === '') {
        const paths = Object.keys(DOCUMENTS).map((known) => `${ROOT}/${known}`);
        ctx.body = Buffer.from(JSON.stringify({ paths }));
        return;
      }
      const load = Object.hasOwn(DOCUMENTS, name) ? DOCUMENTS[name] : undefined;
      if (load === undefined) {
        const known = Object.keys(DOCUMENTS).join(', ');
        throw new ApiError('NotFound', `no door "${name}" has a document: there are ${known}`, {});
      }
      ctx.body = Buffer.from(JSON.stringify((await load()).document));
    },
  };
}
