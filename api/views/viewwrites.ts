/**
 * Writes through a view: read the object, change its face, fold the change back, write the object. Authorization,
 * admission and audit are those of the object behind the face.
 */
import type { DeleteOptions } from '../../machinery/client.ts';
import { ApiError, isApiError, notFound } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import { apiVersionOf, type DynamicObject, type ObjectKey } from '../../machinery/meta.ts';
import { applyJsonPatch, applyMergePatch } from '../../machinery/patch.ts';
import { applyStrategicMergePatch } from '../../machinery/strategicmerge.ts';
import { modified, preconditionFailed, readMetadata } from '../registry/admission/metadata.ts';
import type {
  AccessRequest,
  DeleteResult,
  Registry,
  RegistryPatch,
  RegistryWriteOptions,
  RequestContext,
  ServedKind,
  StoredObject,
  WriteResult,
} from '../registry/types.ts';
import { faceOf, throughFace } from './face.ts';
import type { View } from './view.ts';

export class ViewWrites {
  readonly #registry: Registry;
  readonly #sourceOf: (kind: ServedKind) => ServedKind;

  constructor(registry: Registry, sourceOf: (kind: ServedKind) => ServedKind) {
    this.#registry = registry;
    this.#sourceOf = sourceOf;
  }

  update(
    view: View,
    context: RequestContext,
    key: ObjectKey,
    body: unknown,
    options: RegistryWriteOptions | undefined,
  ): Promise<WriteResult> {
    const face = readFace(view.kind, body);
    return this.#change(view, context, key, 'update', options, () => face);
  }

  patch(
    view: View,
    context: RequestContext,
    key: ObjectKey,
    patch: RegistryPatch,
    options: RegistryWriteOptions | undefined,
  ): Promise<WriteResult> {
    return this.#change(view, context, key, 'patch', options, (face) =>
      readFace(view.kind, patchFace(view.kind, face, patch)),
    );
  }

  async evict(
    view: View,
    asker: RequestContext,
    key: ObjectKey,
    body: unknown,
    options: RegistryWriteOptions | undefined,
  ): Promise<DynamicObject> {
    const context = throughFace(view, asker, { verb: 'create', subresource: 'eviction' });
    const stored = await this.#shown(view, context, key, { verb: 'create', subresource: 'eviction' });
    const eviction = ofStoredObject(view, stored, readEviction(body));
    return this.#registry.post(context, this.#sourceOf(view.kind), key, 'eviction', eviction, options);
  }

  /** The stored object behind a face; missing, it is the face that is missing. */
  async #shown(view: View, context: RequestContext, key: ObjectKey, act: Act): Promise<StoredObject> {
    const stored = await this.#found(view, context, key);
    const { origin } = context;
    if (origin !== undefined) {
      // Having looked is not what was asked for: should the write be refused before it gets to the registry, the audit
      // has yet to be told of it.
      const { group, version, plural: resource } = view.kind;
      origin.request = { group, version, resource, ...act, ...key };
      origin.told = 'nothing';
    }
    return stored;
  }

  async #found(view: View, context: RequestContext, key: ObjectKey): Promise<StoredObject> {
    try {
      return await this.#registry.get(context, this.#sourceOf(view.kind), key);
    } catch (error) {
      if (isApiError(error, 'NotFound')) throw notFound(view.kind, key.name);
      throw error;
    }
  }

  async create(
    view: View,
    asker: RequestContext,
    body: unknown,
    options: RegistryWriteOptions = {},
  ): Promise<WriteResult> {
    const context = throughFace(view, asker, { verb: 'create' });
    if (view.make === undefined) throw notWritable(view);
    const object = view.make(readFace(view.kind, body));
    const result = await this.#registry.create(context, this.#sourceOf(view.kind), object, options);
    return { ...result, stored: faceOf(view, result.stored) };
  }

  /**
   * Reads, changes the face, folds it back, writes; decided anew when somebody else wrote meanwhile, unless the caller
   * named the version it had seen.
   */
  async #change(
    view: View,
    asker: RequestContext,
    key: ObjectKey,
    verb: 'update' | 'patch',
    options: RegistryWriteOptions = {},
    change: (face: DynamicObject) => DynamicObject,
  ): Promise<WriteResult> {
    const context = throughFace(view, asker, { verb });
    if (view.fold === undefined || options.subresource !== undefined) throw notWritable(view);
    for (let attempt = 1; ; attempt++) {
      const stored = await this.#shown(view, context, key, { verb });
      const before = faceOf(view, stored).object;
      const face = change(before);
      checkFace(view, face, before);
      const object = view.fold(face, stored.object);
      const metadata = { ...object.metadata, resourceVersion: String(stored.resourceVersion) };
      try {
        const source = this.#sourceOf(view.kind);
        const result = await this.#registry.update(context, source, key, { ...object, metadata }, options);
        return { ...result, stored: faceOf(view, result.stored) };
      } catch (error) {
        if (!isApiError(error, 'Conflict') || !(await this.#registry.mayTryAgain(attempt))) throw error;
      }
    }
  }

  async remove(
    view: View,
    asker: RequestContext,
    key: ObjectKey,
    options: DeleteOptions,
  ): Promise<DeleteResult> {
    const context = throughFace(view, asker, { verb: 'delete', subresource: null });
    const stored = await this.#shown(view, context, key, { verb: 'delete' });
    const face = faceOf(view, stored);
    const source = this.#sourceOf(view.kind);
    const { uid } = options.preconditions ?? {};
    if (uid !== undefined && uid !== face.object.metadata.uid) {
      throw preconditionFailed(
        view.kind,
        key.name,
        `UID in precondition: ${uid}, UID in object meta: ${face.object.metadata.uid}`,
      );
    }
    if (view.removal === 'delete') {
      const preconditions = { ...options.preconditions, ...(uid === undefined ? {} : storedUid(stored)) };
      const result = await this.#registry.delete(context, source, key, { ...options, preconditions });
      return { ...result, stored: faceOf(view, result.stored) };
    }
    if (view.removal !== 'evict') throw notWritable(view);
    const { dryRun } = options;
    const eviction = ofStoredObject(view, stored, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { ...key },
      deleteOptions: { preconditions: options.preconditions ?? {} },
    });
    await this.#registry.post(
      context,
      source,
      key,
      'eviction',
      eviction,
      dryRun === undefined ? {} : { dryRun },
    );
    return { stored: face, isGone: false };
  }
}

/** What is done to the face, as the audit calls it. */
type Act = Pick<AccessRequest, 'verb' | 'subresource'>;

function notWritable(view: View): ApiError {
  return new ApiError(
    'MethodNotAllowed',
    `${view.kind.plural} are a view: change the ${view.source.plural} behind them instead`,
  );
}

function storedUid({ object }: StoredObject): { uid?: string } {
  return object.metadata.uid === undefined ? {} : { uid: object.metadata.uid };
}

/** An eviction that means this face, as one that means the object behind it. Throws `Conflict` for another face. */
function ofStoredObject(view: View, stored: StoredObject, eviction: DynamicObject): DynamicObject {
  const { deleteOptions } = eviction;
  const preconditions = isRecord(deleteOptions) ? deleteOptions['preconditions'] : undefined;
  if (!isRecord(deleteOptions) || !isRecord(preconditions) || preconditions['uid'] === undefined)
    return eviction;
  const { uid, name } = faceOf(view, stored).object.metadata;
  if (preconditions['uid'] !== uid) {
    throw preconditionFailed(
      view.kind,
      name,
      `UID in precondition: ${JSON.stringify(preconditions['uid'])}, UID in object meta: ${uid}`,
    );
  }
  return {
    ...eviction,
    deleteOptions: { ...deleteOptions, preconditions: { ...preconditions, ...storedUid(stored) } },
  };
}

function readEviction(body: unknown): DynamicObject {
  if (isRecord(body) && typeof body['kind'] === 'string' && typeof body['apiVersion'] === 'string') {
    const metadata = isRecord(body['metadata']) ? body['metadata'] : {};
    return {
      ...body,
      apiVersion: body['apiVersion'],
      kind: body['kind'],
      metadata: { name: '', ...metadata },
    };
  }
  throw new ApiError('BadRequest', 'an eviction needs a policy/v1 Eviction as its body');
}

/** A body as a face. Throws `BadRequest` for anything but an object of the kind. */
function readFace(kind: ServedKind, body: unknown): DynamicObject {
  const { metadata } = isRecord(body) ? body : {};
  if (!isRecord(body) || body['kind'] !== kind.kind || body['apiVersion'] !== apiVersionOf(kind)) {
    throw new ApiError('BadRequest', `the body must be a ${kind.kind} of ${apiVersionOf(kind)}`);
  }
  const { name, ...rest } = readMetadata(metadata).metadata;
  return {
    ...body,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    // A new object may have no name yet: the registry makes one of generateName.
    metadata: { ...rest, name: name ?? '' },
  };
}

/** Identity and version of a changed face must be those of the face that was read. Throws `Conflict`. */
function checkFace(view: View, face: DynamicObject, before: DynamicObject): void {
  const { uid, resourceVersion, name } = face.metadata;
  if (name !== before.metadata.name) {
    throw new ApiError(
      'BadRequest',
      `the name of the object (${name}) does not match the name on the URL (${before.metadata.name})`,
    );
  }
  if (uid !== undefined && uid !== '' && uid !== before.metadata.uid) {
    throw preconditionFailed(
      view.kind,
      name,
      `UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
    );
  }
  const current = before.metadata.resourceVersion;
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== current) {
    throw modified(view.kind, name, resourceVersion, current);
  }
}

function patchFace(kind: ServedKind, face: DynamicObject, patch: RegistryPatch): unknown {
  switch (patch.type) {
    case 'merge':
      return applyMergePatch(face, patch.body);
    case 'json':
      return applyJsonPatch(face, patch.body);
    case 'strategic':
      return applyStrategicMergePatch(face, patch.body, kind.definition.schema.openAPIV3Schema);
    case 'apply':
      throw new ApiError(
        'UnsupportedMediaType',
        `${kind.plural} are a view and have no field managers: apply the object behind them`,
      );
  }
}
