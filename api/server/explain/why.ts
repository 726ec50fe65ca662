/**
 * `GET …/<object>/why`: the causal chain of one object of any stored kind, also of one that is deleted. Needs the
 * permission to get the object; of Events, logs and other objects it shows only what the asker may read. What the answer
 * says is `explain`'s, which is put in from outside; here is only what it is made from.
 */

import { ApiError } from '../../../machinery/errors.ts';
import type { Explain } from '../../../machinery/why.ts';
import type { ServedKind } from '../../registry/types.ts';
import type { Catalog } from '../../views/catalog.ts';
import { type AppMiddleware, requestContext } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { arrivalOf } from '../middleware/arrival.ts';
import { type ObjectPath, parseActPath } from '../objectpath.ts';
import { requireJson } from '../objects/negotiation.ts';
import { collectFacts } from './facts.ts';
import type { FactDeps } from './reader.ts';

export interface WhyDeps extends FactDeps {
  readonly catalog: Catalog;
  readonly explain: Explain;
}

const WHY = 'why';

/** Answers these paths and leaves all others to whoever comes next. */
export function servesWhy(deps: WhyDeps): AppMiddleware {
  return async (ctx, next) => {
    const path = parseActPath(ctx.path, WHY);
    if (path === undefined) return next();
    const { group, version, plural, namespace, name } = path;
    if (group !== '' && deps.catalog.findKind(group, version, plural) === undefined) {
      await deps.registry.settleKinds();
    }
    const kind = deps.catalog.findKind(group, version, plural);
    if (kind === undefined || kind.namespaced !== (namespace !== undefined)) return next();
    ctx.state.labels = { verb: 'GET', group, version, resource: plural, subresource: WHY, scope: 'resource' };
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET']);
    requireJson(ctx.get('Accept'));
    const stored = storedKind(kind, path, deps);
    const key = namespace === undefined ? { name } : { namespace, name };
    const { stopping } = arrivalOf(ctx.req);
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    ctx.res.once('close', leave);
    try {
      const signal = AbortSignal.any([stopping, gone.signal]);
      const facts = await collectFacts(requestContext(ctx), stored, key, deps, signal);
      ctx.body = deps.explain(facts);
    } finally {
      ctx.res.off('close', leave);
    }
  };
}

/** Throws `BadRequest` for a face, whose object tells more, and for what is made when it is read. */
function storedKind(kind: ServedKind, { name = '' }: ObjectPath, { registry, catalog }: WhyDeps): ServedKind {
  const found = registry.findKind(kind.group, kind.version, kind.plural);
  if (found !== undefined) return found;
  if (!kind.verbs.includes('get')) {
    throw new ApiError(
      'BadRequest',
      `${kind.plural} "${name}": found a kind that is asked and not stored, wanted one that is`,
    );
  }
  const source = catalog.sourceOf(kind);
  const advice =
    source === kind
      ? 'it is made when it is read and has no past'
      : `ask ${source.plural}.${source.group}/${name}, of which it is a view`;
  throw new ApiError('BadRequest', `${kind.plural} "${name}" cannot be asked why: ${advice}`);
}
