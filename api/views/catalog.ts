/**
 * The kinds as clients see them: what the registry stores, and the views on it, behind one set of verbs, so that one
 * set of routes serves both.
 *
 * A view's reads run on its source: authorization, caches and versions are the source's. Label selectors pass through
 * (a face has the labels of its object); field selectors are judged on the face. A change that turns one face into
 * another (a new uid) is told as DELETED, then ADDED.
 */
import type { MomentOptions } from '../../machinery/client.ts';
import { ApiError, isApiError, notFound } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import { apiVersionOf, type DynamicObject, qualifiedName } from '../../machinery/meta.ts';
import { hasHistory } from '../registry/history.ts';
import type { Registry, RequestContext, ServedKind } from '../registry/types.ts';
import { storedEventSelector } from './eventselector.ts';
import { faceOf, faceSelector, facesOf, narrowed, throughFace } from './face.ts';
import { type LiveKind, servedLive, servedLiveList } from './live.ts';
import type { View } from './view.ts';
import { ViewWrites } from './viewwrites.ts';

type Verbs =
  | 'kinds'
  | 'findKind'
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deleteCollection'
  | 'post';

export interface Catalog extends Pick<Registry, Verbs> {
  /** The stored kind behind a kind: itself, or its view's source. */
  sourceOf(kind: ServedKind): ServedKind;
}

/**
 * @param liveKinds kinds that are made when they are read.
 * @param extraSubresources acts the server adds to stored kinds (such as `log`), by `<plural>.<group>`.
 */
export function openCatalog(
  registry: Registry,
  views: readonly View[],
  extraSubresources: Readonly<Record<string, ServedKind['subresources']>> = {},
  liveKinds: readonly LiveKind[] = [],
): Catalog {
  let seen: readonly ServedKind[] | undefined;
  let decorated: readonly ServedKind[] = [];
  let byPath = new Map<string, ServedKind>();
  const stored = new WeakMap<ServedKind, ServedKind>();
  const viewOf = new Map(views.map((view) => [view.kind, view]));
  const liveOf = new Map(liveKinds.map((live) => [live.kind, live]));
  const writes = new ViewWrites(registry, sourceOf);

  /** The registry's list may grow as kinds are registered; it is decorated once for each list it hands out. */
  function refresh(): void {
    const kinds = registry.kinds();
    if (kinds === seen) return;
    seen = kinds;
    decorated = [
      ...kinds.map(decorate),
      ...views.map((view) => view.kind),
      ...liveKinds.map((live) => live.kind),
      ...registry.reviews().map((review) => review.kind),
    ];
    byPath = new Map(decorated.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
  }

  function decorate(kind: ServedKind): ServedKind {
    const own = extraSubresources[`${kind.plural}.${kind.group}`] ?? [];
    const extra = [...own, ...(hasHistory(kind) ? [HISTORY] : []), WHY];
    const result = { ...kind, subresources: [...kind.subresources, ...extra] };
    stored.set(result, kind);
    return result;
  }

  function sourceOf(kind: ServedKind): ServedKind {
    const view = viewOf.get(kind);
    if (view === undefined) return stored.get(kind) ?? kind;
    const { group, version, plural } = view.source;
    const source = registry.findKind(group, version, plural);
    if (source === undefined)
      throw new Error(`the view ${kind.plural} needs ${plural}.${group}, which is not served`);
    return source;
  }

  /** Events asked for under a face are those of the object behind it. */
  async function ofStored<T extends EventQuery>(
    context: RequestContext,
    kind: ServedKind,
    options: T,
  ): Promise<T> {
    const { fieldSelector, namespace } = options;
    if (kind.group !== '' || kind.plural !== 'events' || fieldSelector === undefined) return options;
    const selector = await storedEventSelector(fieldSelector, namespace, views, async (view, key) => {
      try {
        const found = await registry.get(context, sourceOf(view.kind), key, pastOf(options));
        return { faceUid: faceOf(view, found).object.metadata.uid, storedUid: found.object.metadata.uid };
      } catch (error) {
        if (isApiError(error, 'NotFound', 'Forbidden')) return undefined;
        throw error;
      }
    });
    return { ...options, fieldSelector: selector };
  }

  return {
    sourceOf,
    kinds() {
      refresh();
      return decorated;
    },
    findKind(group, version, plural) {
      refresh();
      return byPath.get(`${group}/${version}/${plural}`);
    },
    async get(context, kind, key, options) {
      const live = liveOf.get(kind);
      if (live !== undefined) {
        refusePast(kind, options);
        return servedLive(await live.get(context, key, options?.signal));
      }
      const view = viewOf.get(kind);
      const source = sourceOf(kind);
      if (view === undefined) return registry.get(context, source, key, options);
      try {
        return faceOf(view, await registry.get(throughFace(view, context), source, key, options));
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
        const { message, details } = notFound(kind, key.name);
        // The source may say more than that: at which moment there was none.
        const more = error.message.replace(notFound(source, key.name).message, '');
        throw new ApiError('NotFound', more === error.message ? message : message + more, details);
      }
    },
    async list(context, kind, options = {}) {
      const live = liveOf.get(kind);
      if (live !== undefined) {
        refusePast(kind, options);
        return servedLiveList(await live.list(context, options));
      }
      const view = viewOf.get(kind);
      if (view === undefined)
        return registry.list(context, sourceOf(kind), await ofStored(context, kind, options));
      const isSelected = faceSelector(view, options.fieldSelector);
      const list = await registry.list(throughFace(view, context), sourceOf(kind), narrowed(options));
      const items = list.items.map((item) => faceOf(view, item)).filter((face) => isSelected(face.object));
      const isWhole = items.length === list.items.length;
      const { remainingItemCount: _unknown, ...rest } = list;
      return isWhole ? { ...list, items } : { ...rest, items };
    },
    async watch(context, kind, options = {}) {
      const view = viewOf.get(kind);
      if (view === undefined)
        return registry.watch(context, sourceOf(kind), await ofStored(context, kind, options));
      const isSelected = faceSelector(view, options.fieldSelector);
      const events = await registry.watch(throughFace(view, context), sourceOf(kind), narrowed(options));
      return facesOf(view, events, isSelected);
    },
    async create(context, kind, body, options) {
      const view = viewOf.get(kind);
      if (view !== undefined) return writes.create(view, context, body, options);
      const review = registry.reviews().find((candidate) => candidate.kind === kind);
      if (review === undefined) return registry.create(context, sourceOf(kind), body, options);
      const object = await review.answer(context, readReview(kind, body), options?.namespace);
      const stored = { object, json: Buffer.from(JSON.stringify(object)), resourceVersion: 0 };
      return { stored, isCreated: true, warnings: [] };
    },
    async update(context, kind, key, body, options) {
      const view = viewOf.get(kind);
      return view === undefined
        ? registry.update(context, sourceOf(kind), key, body, options)
        : writes.update(view, context, key, body, options);
    },
    async patch(context, kind, key, patch, options) {
      const view = viewOf.get(kind);
      return view === undefined
        ? registry.patch(context, sourceOf(kind), key, patch, options)
        : writes.patch(view, context, key, patch, options);
    },
    async delete(context, kind, key, options = {}) {
      const view = viewOf.get(kind);
      return view === undefined
        ? registry.delete(context, sourceOf(kind), key, options)
        : writes.remove(view, context, key, options);
    },
    async deleteCollection(context, kind, options) {
      if (viewOf.has(kind)) {
        throw new ApiError(
          'MethodNotAllowed',
          `${kind.plural} are a view and are not deleted all at once: delete them one by one, or the objects behind them`,
        );
      }
      return registry.deleteCollection(context, sourceOf(kind), options);
    },
    async post(context, kind, key, subresource, body, options) {
      const view = viewOf.get(kind);
      return view === undefined || subresource !== 'eviction'
        ? registry.post(context, sourceOf(kind), key, subresource, body, options)
        : writes.evict(view, context, key, body, options);
    },
  };
}

/** What became of an object (`api/server/objects/history.ts`). */
const HISTORY = { name: 'history', verbs: ['get'], kind: 'ObjectHistory' } as const;
/** Why an object is as it is (`api/server/explain/why.ts`). */
const WHY = { name: 'why', verbs: ['get'], kind: 'Why' } as const;

interface EventQuery extends MomentOptions {
  readonly fieldSelector?: string;
  readonly namespace?: string;
}

/** The moment of the past that `options` are of; nothing for the present. */
function pastOf({ at, resourceVersion, resourceVersionMatch }: MomentOptions): MomentOptions {
  if (at !== undefined) return { at };
  if (resourceVersionMatch !== 'Exact' || resourceVersion === undefined) return {};
  return { resourceVersion, resourceVersionMatch };
}

/** Throws `BadRequest` when what is made while it is read is asked for as it was. */
function refusePast(kind: ServedKind, { at, resourceVersionMatch }: MomentOptions = {}): void {
  const asked =
    at !== undefined
      ? `at: found "${at}"`
      : resourceVersionMatch === 'Exact'
        ? 'resourceVersionMatch: found "Exact"'
        : undefined;
  if (asked === undefined) return;
  throw new ApiError(
    'BadRequest',
    `${asked}, wanted none: ${qualifiedName(kind)} are made when they are read, and have no past`,
  );
}

/** A review's body: an object of the asked-for kind; its metadata may be absent. Throws `BadRequest`. */
function readReview(kind: ServedKind, body: unknown): DynamicObject {
  const { apiVersion, kind: name, metadata } = isRecord(body) ? body : {};
  if (!isRecord(body) || apiVersion !== apiVersionOf(kind) || name !== kind.kind) {
    throw new ApiError(
      'BadRequest',
      `the body must be a ${kind.kind} of ${apiVersionOf(kind)}, found ${JSON.stringify(name)} of ${JSON.stringify(apiVersion)}`,
    );
  }
  return { ...body, apiVersion, kind: name, metadata: { name: '', ...(isRecord(metadata) ? metadata : {}) } };
}
