/** Faces of stored objects: made once and shared, selected on what they show, and their changes as watchers see them. */
import { readPath } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { type FieldSelector, parseFieldSelector, pinnedName } from '../../machinery/selectors.ts';
import type {
  FaceAsked,
  RequestContext,
  StoredEvent,
  StoredObject,
  StoredWatchEvent,
} from '../registry/types.ts';
import type { View } from './view.ts';

/** The source's own options: of the field selector only a pinned name, which means the same on both faces. */
export function narrowed<T extends { readonly fieldSelector?: string }>(options: T): T {
  const { fieldSelector, ...rest } = options;
  const name = pinnedName(fieldSelector);
  return { ...rest, ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }) } as T;
}

export function faceSelector(
  view: View,
  fieldSelector: string | undefined,
): (face: DynamicObject) => boolean {
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

export function faceOf(view: View, stored: StoredObject): StoredObject {
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

export async function* facesOf(
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

/**
 * Who asks, through a view: a permission on the face is as good as one on the object behind it.
 * @param asked what is done to the face, where it is something else than what that means for the object.
 */
export function throughFace(
  { kind }: View,
  context: RequestContext,
  asked: Pick<FaceAsked, 'verb' | 'subresource'> = {},
): RequestContext {
  return { ...context, face: { group: kind.group, resource: kind.plural, ...asked } };
}
