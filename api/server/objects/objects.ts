/**
 * Reads and writes of objects over HTTP, the same for every kind and every view: options from the query and the body,
 * the answer from the registry's own bytes, in the form the client asked for.
 */

import type { ReadMoment } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import type { ObjectKey } from '../../../machinery/meta.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import type {
  RegistryPatch,
  ServedKind,
  StoredList,
  StoredObject,
  WriteResult,
} from '../../registry/types.ts';
import type { Catalog } from '../../views/catalog.ts';
import type { TablePrinter } from '../../views/view.ts';
import { type AppContext, requestContext } from '../context.ts';
import { duplicatesIn, readObject, readOptionalObject, readPatch } from '../middleware/body.ts';
import { type ObjectForm, objectForm } from './negotiation.ts';
import { deleteOptions, getOptions, listOptions, patchOptions, writeOptions } from './query.ts';
import { columnPrinter, includeObject, partialOf, tableOf } from './table.ts';

export interface ObjectDeps {
  readonly catalog: Catalog;
  /** Rows of kinds that columns alone cannot describe, by `<group>/<plural>`. */
  readonly printers: ReadonlyMap<string, TablePrinter>;
  readonly clock: Clock;
}

/** One object, or one collection when there is no name. */
export interface Target {
  readonly kind: ServedKind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export function keyOfTarget(target: Target): ObjectKey {
  const name = target.name ?? '';
  return target.namespace === undefined ? { name } : { namespace: target.namespace, name };
}

export function printerOf(kind: ServedKind, deps: ObjectDeps): TablePrinter {
  return deps.printers.get(`${kind.group}/${kind.plural}`) ?? columnPrinter(kind);
}

export async function getObject(ctx: AppContext, target: Target, deps: ObjectDeps): Promise<void> {
  const form = objectForm(ctx.get('Accept'));
  // Reads of the present are by far the most: nothing is made for what they do not ask.
  const options =
    ctx.querystring === ''
      ? ofSubresource(target)
      : { ...ofSubresource(target), ...getOptions(ctx.query), onMoment: tellMoment(ctx) };
  const key = keyOfTarget(target);
  answerObject(
    ctx,
    form,
    target,
    await deps.catalog.get(requestContext(ctx), target.kind, key, options),
    deps,
  );
}

export async function listObjects(ctx: AppContext, target: Target, deps: ObjectDeps): Promise<void> {
  const form = objectForm(ctx.get('Accept'));
  const options = { ...listOptions(ctx.query), ...inNamespace(target), onMoment: tellMoment(ctx) };
  answerList(ctx, form, target, await deps.catalog.list(requestContext(ctx), target.kind, options), deps);
}

/** Says in headers which moment of the past an answer is of. */
export function tellMoment(ctx: AppContext): (moment: ReadMoment) => void {
  return (moment) => {
    ctx.state.moment = moment;
    ctx.set('Gantry-Read-Revision', String(moment.revision));
    if (moment.timeMs !== undefined) ctx.set('Gantry-Read-Time', new Date(moment.timeMs).toISOString());
  };
}

export async function createObject(ctx: AppContext, target: Target, deps: ObjectDeps): Promise<void> {
  const form = objectForm(ctx.get('Accept'));
  const given = { ...writeOptions(ctx.query, 'CreateOptions'), ...inNamespace(target) };
  const body = await readObject(ctx);
  const options = { ...given, duplicates: duplicatesIn(body) };
  answerWrite(
    ctx,
    form,
    target,
    await deps.catalog.create(requestContext(ctx), target.kind, body, options),
    deps,
  );
}

export async function updateObject(ctx: AppContext, target: Target, deps: ObjectDeps): Promise<void> {
  const form = objectForm(ctx.get('Accept'));
  const given = writeOptions(ctx.query, 'UpdateOptions');
  const body = await readObject(ctx);
  const duplicates = duplicatesIn(body);
  const options = { ...given, ...inNamespace(target), ...ofSubresource(target), duplicates };
  const key = keyOfTarget(target);
  answerWrite(
    ctx,
    form,
    target,
    await deps.catalog.update(requestContext(ctx), target.kind, key, body, options),
    deps,
  );
}

export async function patchObject(ctx: AppContext, target: Target, deps: ObjectDeps): Promise<void> {
  const form = objectForm(ctx.get('Accept'));
  const { type, body } = await readPatch(ctx);
  const isApply = type === 'apply';
  const { options: given, isForced } = patchOptions(ctx.query, isApply);
  const duplicates = duplicatesIn(body);
  const options = { ...given, ...inNamespace(target), ...ofSubresource(target), duplicates };
  const patch: RegistryPatch = isApply ? { type: 'apply', body, isForced } : { type, body };
  const key = keyOfTarget(target);
  answerWrite(
    ctx,
    form,
    target,
    await deps.catalog.patch(requestContext(ctx), target.kind, key, patch, options),
    deps,
  );
}

/** Kinds that answer a delete with the object as it was, as Kubernetes' own storage of them does. */
const RETURNS_DELETED: ReadonlySet<string> = new Set(['/pods', '/resourcequotas', '/serviceaccounts']);

/**
 * What is gone is answered with a Status that names it, what its finalizers hold with the object. 202 says that a
 * foreground deletion has only begun. Source: the apiserver's `DeleteResource` and `finalizeDelete`.
 */
export async function deleteObject(ctx: AppContext, target: Target, deps: ObjectDeps): Promise<void> {
  const form = objectForm(ctx.get('Accept'));
  const options = deleteOptions(ctx.query, await readOptionalObject(ctx));
  const key = keyOfTarget(target);
  const { kind } = target;
  const { stored, isGone } = await deps.catalog.delete(requestContext(ctx), kind, key, options);
  if (!isGone && options.propagationPolicy === 'Foreground') ctx.status = 202;
  if (!isGone || RETURNS_DELETED.has(`${kind.group}/${kind.plural}`)) {
    return answerObject(ctx, form, target, stored, deps);
  }
  const { name, uid } = stored.object.metadata;
  const details = {
    name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    // Yes, the resource: what Kubernetes says, and clients match.
    kind: kind.plural,
    ...(uid === undefined ? {} : { uid }),
  };
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  answerJson(ctx, Buffer.from(JSON.stringify(status)));
}

/** DELETE of a collection: what the selectors of the query select. */
export async function deleteObjects(ctx: AppContext, target: Target, deps: ObjectDeps): Promise<void> {
  const form = objectForm(ctx.get('Accept'));
  const { labelSelector, fieldSelector } = listOptions(ctx.query);
  const options = {
    ...deleteOptions(ctx.query, await readOptionalObject(ctx)),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...inNamespace(target),
  };
  const list = await deps.catalog.deleteCollection(requestContext(ctx), target.kind, options);
  answerList(ctx, form, target, list, deps);
}

/** POST to a subresource that is an act, such as `tasks/binding`. */
export async function postSubresource(ctx: AppContext, target: Target, deps: ObjectDeps): Promise<void> {
  const { kind, subresource = '' } = target;
  const options = { ...writeOptions(ctx.query, 'CreateOptions'), ...inNamespace(target) };
  const body = await readObject(ctx);
  const answer = await deps.catalog.post(
    requestContext(ctx),
    kind,
    keyOfTarget(target),
    subresource,
    body,
    options,
  );
  ctx.status = 201;
  answerJson(ctx, Buffer.from(JSON.stringify(answer)));
}

function inNamespace(target: Target): { namespace?: string } {
  return target.namespace === undefined ? {} : { namespace: target.namespace };
}

function ofSubresource(target: Target): { subresource?: string } {
  return target.subresource === undefined ? {} : { subresource: target.subresource };
}

export function answerJson(ctx: AppContext, json: Uint8Array): void {
  ctx.set('Content-Type', 'application/json');
  ctx.set('Cache-Control', 'no-cache, private');
  // The very same bytes where they are kept: what was made of them, such as their gzip, is found by them.
  ctx.body = Buffer.isBuffer(json) ? json : Buffer.from(json.buffer, json.byteOffset, json.byteLength);
}

function answerWrite(
  ctx: AppContext,
  form: ObjectForm,
  target: Target,
  result: WriteResult,
  deps: ObjectDeps,
): void {
  ctx.status = result.isCreated ? 201 : 200;
  if (result.warnings.length > 0) ctx.append('Warning', warningHeaders(result.warnings));
  answerObject(ctx, form, target, result.stored, deps);
}

/** Of one warning, and of all of an answer: clients refuse headers that are too long. As many as Kubernetes sends. */
const MAX_WARNING_LENGTH = 256;
const MAX_WARNINGS_LENGTH = 4 * 1024;

export function warningHeaders(warnings: readonly string[]): string[] {
  let length = 0;
  const cut = warnings.map((warning) => warning.slice(0, MAX_WARNING_LENGTH));
  return cut.filter((warning) => (length += warning.length) <= MAX_WARNINGS_LENGTH).map(warningHeader);
}

/** RFC 7234 warn-code 299; quotes escaped and controls dropped, as Kubernetes does. */
export function warningHeader(warning: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what must not get into a header
  const safe = warning.replace(/[\u0000-\u001f\u007f-\uffff]/g, ' ').replace(/["\\]/g, '\\$&');
  return `299 - "${safe}"`;
}

function answerObject(
  ctx: AppContext,
  form: ObjectForm,
  target: Target,
  stored: StoredObject,
  deps: ObjectDeps,
): void {
  switch (form.kind) {
    case 'object':
      return answerJson(ctx, stored.json);
    case 'partial':
      return answerJson(ctx, Buffer.from(JSON.stringify(partialOf(stored.object, form.apiVersion))));
    case 'table': {
      const metadata = { resourceVersion: String(stored.resourceVersion) };
      return answerJson(ctx, table(ctx, form.apiVersion, target.kind, [stored], metadata, deps));
    }
  }
}

function answerList(
  ctx: AppContext,
  form: ObjectForm,
  target: Target,
  list: StoredList,
  deps: ObjectDeps,
): void {
  const metadata = {
    resourceVersion: String(list.resourceVersion),
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
  switch (form.kind) {
    case 'object':
      return answerJson(ctx, joinedList(target.kind, metadata, list.items));
    case 'partial': {
      const items = list.items.map(({ object }) => partialOf(object, form.apiVersion));
      const partial = { kind: 'PartialObjectMetadataList', apiVersion: form.apiVersion, metadata, items };
      return answerJson(ctx, Buffer.from(JSON.stringify(partial)));
    }
    case 'table':
      return answerJson(ctx, table(ctx, form.apiVersion, target.kind, list.items, metadata, deps));
  }
}

/** A list as bytes, and where in them the items begin. */
interface JoinedList {
  readonly head: string;
  readonly bytes: Buffer;
  readonly itemsAt: number;
}

/** Joined once for as long as the registry hands out the very same items: whoever asks gets the very same bytes. */
const joined = new WeakMap<readonly StoredObject[], JoinedList>();
const COMMA = Buffer.from(',');
const END = Buffer.from(']}');

/** The items' own bytes, joined: nothing is stringified again. */
function joinedList(kind: ServedKind, metadata: object, items: readonly StoredObject[]): Buffer {
  const list = { kind: kind.listKind, apiVersion: apiVersionOf(kind), metadata };
  const head = `${JSON.stringify(list).slice(0, -1)},"items":[`;
  const known = joined.get(items);
  if (known?.head === head) return known.bytes;
  const begin = Buffer.from(head);
  // The version of a list moves on with every write anywhere; its items are copied then, not joined again.
  const bytes =
    known === undefined
      ? Buffer.concat([
          begin,
          ...items.flatMap(({ json }, index) => (index === 0 ? [json] : [COMMA, json])),
          END,
        ])
      : Buffer.concat([begin, known.bytes.subarray(known.itemsAt)]);
  joined.set(items, { head, bytes, itemsAt: begin.length });
  return bytes;
}

function table(
  ctx: AppContext,
  apiVersion: string,
  kind: ServedKind,
  items: readonly StoredObject[],
  metadata: object,
  deps: ObjectDeps,
): Buffer {
  const objects = items.map(({ object }) => object);
  const include = includeObject([ctx.query.includeObject].flat()[0]);
  const printer = printerOf(kind, deps);
  // How old things were then.
  const nowMs = ctx.state.moment?.timeMs ?? deps.clock.now();
  const options = { printer, include, apiVersion, nowMs, withColumns: true };
  return Buffer.from(JSON.stringify(tableOf(objects, metadata, options)));
}
