/**
 * Questions about one object, asked at its own path: `GET <path of the object>/<word>`. They are answered of every stored
 * kind, also where the object is gone. Of what is the object seen from another side, and of what is made when it is read,
 * nothing is kept: then the answer says whom to ask.
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { ObjectKey } from '../../../machinery/meta.ts';
import type { Registry, ServedKind } from '../../registry/types.ts';
import type { Catalog } from '../../views/catalog.ts';
import type { AppContext, AppMiddleware } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { arrivalOf } from '../middleware/arrival.ts';
import { type ObjectPath, parseActPath } from '../objectpath.ts';
import { requireJson } from './negotiation.ts';

export interface QuestionDeps {
  readonly registry: Pick<Registry, 'findKind' | 'settleKinds'>;
  readonly catalog: Pick<Catalog, 'findKind' | 'sourceOf'>;
}

/** Writes the body. `signal` aborts when nobody waits for it any more, and when the server stops. */
export type Answer = (
  ctx: AppContext,
  kind: ServedKind,
  key: ObjectKey,
  signal: AbortSignal,
) => Promise<void>;

/** Answers these paths and leaves all others to whoever comes next. */
export function servesQuestion(word: string, deps: QuestionDeps, answer: Answer): AppMiddleware {
  return async (ctx, next) => {
    const path = parseActPath(ctx.path, word);
    if (path === undefined) return next();
    const { group, version, plural, namespace, name } = path;
    if (group !== '' && deps.catalog.findKind(group, version, plural) === undefined) {
      await deps.registry.settleKinds();
    }
    const kind = deps.catalog.findKind(group, version, plural);
    if (kind === undefined || kind.namespaced !== (namespace !== undefined)) return next();
    ctx.state.labels = {
      verb: 'GET',
      group,
      version,
      resource: plural,
      subresource: word,
      scope: 'resource',
    };
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET']);
    requireJson(ctx.get('Accept'));
    const stored = storedKind(word, kind, path, deps);
    const key = namespace === undefined ? { name } : { namespace, name };
    const { stopping } = arrivalOf(ctx.req);
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    ctx.res.once('close', leave);
    try {
      await answer(ctx, stored, key, AbortSignal.any([stopping, gone.signal]));
    } finally {
      ctx.res.off('close', leave);
    }
  };
}

/** Throws `BadRequest` for what is not stored. */
function storedKind(
  word: string,
  kind: ServedKind,
  { name = '' }: ObjectPath,
  { registry, catalog }: QuestionDeps,
): ServedKind {
  const found = registry.findKind(kind.group, kind.version, kind.plural);
  if (found !== undefined) return found;
  const refuse = (advice: string): ApiError =>
    new ApiError('BadRequest', `${kind.plural} "${name}" has no ${word} of its own: ${advice}`);
  if (!kind.verbs.includes('get')) throw refuse('it is asked and not stored');
  const source = catalog.sourceOf(kind);
  throw refuse(
    source === kind
      ? 'it is made when it is read and has no past'
      : `ask ${source.plural}.${source.group}/${name}, of which it is a view`,
  );
}
