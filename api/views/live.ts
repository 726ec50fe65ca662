/** Kinds that are made when they are read: nothing of them is stored, so nothing can be watched or written. */
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import type {
  RegistryListOptions,
  RequestContext,
  ServedKind,
  StoredList,
  StoredObject,
} from '../registry/types.ts';

/** A kind that is made when it is read. Only get and list; authorizes itself. Rejects with `ApiError`. */
export interface LiveKind {
  readonly kind: ServedKind;
  get(context: RequestContext, key: ObjectKey, signal: AbortSignal | undefined): Promise<DynamicObject>;
  list(context: RequestContext, options: RegistryListOptions): Promise<readonly DynamicObject[]>;
}

/** A live object as everything else is served; it has no version. */
export function servedLive(object: DynamicObject): StoredObject {
  return { object, json: Buffer.from(JSON.stringify(object)), resourceVersion: 0 };
}

export function servedLiveList(objects: readonly DynamicObject[]): StoredList {
  return { items: objects.map(servedLive), resourceVersion: 0 };
}
