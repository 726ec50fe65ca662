/**
 * The kinds as clients see them: what the registry stores, and the views on it, behind one set of verbs, so that one
 * set of routes serves both.
 *
 * A view's reads run on its source: authorization, caches and versions are the source's. Label selectors pass through
 * (a face has the labels of its object); field selectors are judged on the face. A change that turns one face into
 * another (a new uid) is told as DELETED, then ADDED.
 */
import { ApiError, isApiError, notFound } from '../../machinery/errors.ts';
import { isRecord, readPath } from '../../machinery/json.ts';
import { apiVersionOf, type DynamicObject } from '../../machinery/meta.ts';
import { type FieldSelector, parseFieldSelector, pinnedName } from '../../machinery/selectors.ts';
import type {
  Registry,
  RequestContext,
  ServedKind,
  StoredEvent,
  StoredObject,
  StoredWatchEvent,
} from '../registry/types.ts';
import { storedEventSelector } from './eventselector.ts';
import type { View } from './view.ts';

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

/** @param extraSubresources acts the server adds to stored kinds (such as `log`), by `<plural>.<group>`. */
export function openCatalog(
  registry: Registry,
  views: readonly View[],
  extraSubresources: Readonly<Record<string, ServedKind['subresources']>> = {},
): Catalog {
  let seen: readonly ServedKind[] | undefined;
  let decorated: readonly ServedKind[] = [];
  let byPath = new Map<string, ServedKind>();
  const stored = new WeakMap<ServedKind, ServedKind>();
  const viewOf = new Map(views.map((view) => [view.kind, view]));

  /** The registry's list may grow as kinds are registered; it is decorated once for each list it hands out. */
  function refresh(): void {
    const kinds = registry.kinds();
    if (kinds === seen) return;
    seen = kinds;
    decorated = [
      ...kinds.map(decorate),
      ...views.map((view) => view.kind),
      ...registry.reviews().map((review) => review.kind),
    ];
    byPath = new Map(decorated.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
  }

  function decorate(kind: ServedKind): ServedKind {
    const extra = extraSubresources[`${kind.plural}.${kind.group}`];
    if (extra === undefined) return kind;
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
  async function ofStored<T extends { readonly fieldSelector?: string; readonly namespace?: string }>(
    context: RequestContext,
    kind: ServedKind,
    options: T,
  ): Promise<T> {
    const { fieldSelector, namespace } = options;
    if (kind.group !== '' || kind.plural !== 'events' || fieldSelector === undefined) return options;
    const selector = await storedEventSelector(fieldSelector, namespace, views, async (view, key) => {
      try {
        const found = await registry.get(context, sourceOf(view.kind), key);
        return { faceUid: faceOf(view, found).object.metadata.uid, storedUid: found.object.metadata.uid };
      } catch (error) {
        if (isApiError(error, 'NotFound', 'Forbidden')) return undefined;
        throw error;
      }
    });
    return { ...options, fieldSelector: selector };
  }

  function storedOnly(kind: ServedKind): ServedKind {
    if (viewOf.has(kind)) {
      throw new ApiError(
        'MethodNotAllowed',
        `${kind.plural} are a view: change the objects behind them instead`,
      );
    }
    return sourceOf(kind);
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
      const view = viewOf.get(kind);
      const source = sourceOf(kind);
      if (view === undefined) return registry.get(context, source, key, options);
      try {
        return faceOf(view, await registry.get(context, source, key, options));
      } catch (error) {
        if (isApiError(error, 'NotFound')) throw notFound(kind, key.name);
        throw error;
      }
    },
    async list(context, kind, options = {}) {
      const view = viewOf.get(kind);
      if (view === undefined)
        return registry.list(context, sourceOf(kind), await ofStored(context, kind, options));
      const isSelected = faceSelector(view, options.fieldSelector);
      const list = await registry.list(context, sourceOf(kind), narrowed(options));
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
      const events = await registry.watch(context, sourceOf(kind), narrowed(options));
      return facesOf(view, events, isSelected);
    },
    async create(context, kind, body, options) {
      const review = registry.reviews().find((candidate) => candidate.kind === kind);
      if (review === undefined) return registry.create(context, storedOnly(kind), body, options);
      const object = await review.answer(context, readReview(kind, body), options?.namespace);
      const stored = { object, json: Buffer.from(JSON.stringify(object)), resourceVersion: 0 };
      return { stored, isCreated: true, warnings: [] };
    },
    update: (context, kind, key, body, options) =>
      registry.update(context, storedOnly(kind), key, body, options),
    patch: (context, kind, key, patch, options) =>
      registry.patch(context, storedOnly(kind), key, patch, options),
    delete: (context, kind, key, options) => registry.delete(context, storedOnly(kind), key, options),
    deleteCollection: (context, kind, options) =>
      registry.deleteCollection(context, storedOnly(kind), options),
    post: (context, kind, key, subresource, body, options) =>
      registry.post(context, storedOnly(kind), key, subresource, body, options),
  };
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

/** The source's own options: of the field selector only a pinned name, which means the same on both faces. */
function narrowed<T extends { readonly fieldSelector?: string }>(options: T): T {
  const { fieldSelector, ...rest } = options;
  const name = pinnedName(fieldSelector);
  return { ...rest, ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }) } as T;
}

function faceSelector(view: View, fieldSelector: string | undefined): (face: DynamicObject) => boolean {
  const declared = ['metadata.name', 'metadata.namespace'].concat(
    (view.kind.definition.selectableFields ?? []).map((field) => field.jsonPath.replace(/^\./, '')),
  );
  const selector: FieldSelector = parseFieldSelector(fieldSelector, declared);
  return (face) => selector((field) => textAt(face, field));
}

function textAt(object: DynamicObject, field: string): string | undefined {
  const value = readPath(object, field.split('.'));
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** One face for each stored object, made when first asked for and shared by all readers. */
const faces = new WeakMap<View, WeakMap<StoredObject, StoredObject>>();

function faceOf(view: View, stored: StoredObject): StoredObject {
  let known = faces.get(view);
  if (known === undefined) faces.set(view, (known = new WeakMap()));
  let face = known.get(stored);
  if (face === undefined) {
    const object = view.project(stored.object);
    face = { object, json: Buffer.from(JSON.stringify(object)), resourceVersion: stored.resourceVersion };
    known.set(stored, face);
  }
  return face;
}

async function* facesOf(
  view: View,
  events: AsyncIterable<StoredWatchEvent>,
  isSelected: (face: DynamicObject) => boolean,
): AsyncGenerator<StoredWatchEvent> {
  for await (const event of events) {
    if (event.type === 'BOOKMARK') {
      yield event;
      continue;
    }
    const now = faceOf(view, event.stored);
    const before =
      event.type === 'MODIFIED' && event.previous !== undefined ? faceOf(view, event.previous) : undefined;
    yield* transitions(event.type, before, now, isSelected);
  }
}

function* transitions(
  type: StoredEvent['type'],
  before: StoredObject | undefined,
  now: StoredObject,
  isSelected: (face: DynamicObject) => boolean,
): Generator<StoredEvent> {
  const isNow = isSelected(now.object);
  if (type !== 'MODIFIED' || before === undefined) {
    if (isNow) yield faceEvent(type, now, undefined);
    return;
  }
  const wasBefore = isSelected(before.object);
  const isSame = before.object.metadata.uid === now.object.metadata.uid;
  if (isSame && wasBefore && isNow) {
    yield faceEvent('MODIFIED', now, before);
    return;
  }
  // The old face goes with the version of the change that took it away, as Kubernetes does it.
  if (wasBefore) yield faceEvent('DELETED', isSame ? now : gone(before, now.resourceVersion), undefined);
  if (isNow) yield faceEvent('ADDED', now, undefined);
}

function gone(face: StoredObject, resourceVersion: number): StoredObject {
  const metadata = { ...face.object.metadata, resourceVersion: String(resourceVersion) };
  const object = { ...face.object, metadata };
  return { object, json: Buffer.from(JSON.stringify(object)), resourceVersion };
}

function faceEvent(
  type: StoredEvent['type'],
  stored: StoredObject,
  previous: StoredObject | undefined,
): StoredEvent {
  return {
    type,
    stored,
    previous,
    frame: () => Buffer.concat([Buffer.from(`{"type":"${type}","object":`), stored.json, Buffer.from('}\n')]),
  };
}
