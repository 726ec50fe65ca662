/**
 * What a deleted object owned, as it was, and which of it comes back. Pure.
 *
 * What controllers make anew from what comes back is left out, since it would be there twice; so is what has ended, since
 * it would be done twice. Whoever belongs only to what is left out is left out with it.
 */
import { isRecord } from '../machinery/json.ts';
import { FINALIZER_CONTAINER } from '../machinery/labels.ts';
import type { DynamicObject, OwnerReference } from '../machinery/meta.ts';
import type { ApiKind } from './discovery.ts';
import { exported } from './export.ts';
import { LAST_APPLIED } from './lastapplied.ts';

export interface Found {
  readonly kind: ApiKind;
  readonly object: DynamicObject;
}

export interface Returning extends Found {
  /** Something that has to be known beforehand. */
  readonly note?: string;
}

export interface LeftOut extends Found {
  readonly reason: string;
}

export interface Comeback {
  /** Owners before what they own. */
  readonly returning: readonly Returning[];
  readonly leftOut: readonly LeftOut[];
}

/** What makes containers comes after what they are made with. */
const WORKLOADS: ReadonlySet<string> = new Set(['Task', 'TaskSet', 'Job', 'Run']);

/**
 * @param root as it was.
 * @param others all there was besides that could be the root's.
 */
export function planComeback(root: Found, others: readonly Found[]): Comeback {
  const isNamespace = root.kind.kind === 'Namespace' && root.kind.group === '';
  const owned = isNamespace ? others : ownedBy(root, others);
  const depths = depthsOf(root, owned);
  const inOrder = owned.toSorted((a, b) => rank(a, depths) - rank(b, depths));
  const returning: Returning[] = [];
  const leftOut = new Map<string, LeftOut>();
  const byUid = new Map([root, ...owned].map((found) => [uidOf(found), found]));
  for (const found of inOrder) {
    const reason = reasonToLeaveOut(found, byUid, leftOut);
    if (reason === undefined) returning.push({ ...found, ...noteOn(found) });
    else leftOut.set(uidOf(found), { ...found, reason });
  }
  return { returning, leftOut: [...leftOut.values()] };
}

function ownedBy(root: Found, others: readonly Found[]): Found[] {
  const uids = new Set([uidOf(root)]);
  const owned = new Set<Found>();
  // As often as chains are long: owners come before or after what they own.
  for (let before = -1; before !== owned.size; ) {
    before = owned.size;
    for (const found of others) {
      if (owned.has(found) || !ownersOf(found).some(({ uid }) => uids.has(uid))) continue;
      owned.add(found);
      uids.add(uidOf(found));
    }
  }
  return [...owned];
}

function depthsOf(root: Found, owned: readonly Found[]): ReadonlyMap<string, number> {
  const depths = new Map([[uidOf(root), 0]]);
  // Owners that own each other are no order at all: so many rounds are enough for any other.
  for (let round = 0; round < owned.length; round++) {
    let isSettled = true;
    for (const found of owned) {
      const depth = 1 + Math.max(0, ...ownersOf(found).map(({ uid }) => depths.get(uid) ?? 0));
      if (depth > owned.length || depths.get(uidOf(found)) === depth) continue;
      depths.set(uidOf(found), depth);
      isSettled = false;
    }
    if (isSettled) break;
  }
  return depths;
}

function rank(found: Found, depths: ReadonlyMap<string, number>): number {
  return (depths.get(uidOf(found)) ?? 0) * 2 + (WORKLOADS.has(found.kind.kind) ? 1 : 0);
}

function reasonToLeaveOut(
  found: Found,
  byUid: ReadonlyMap<string, Found>,
  leftOut: ReadonlyMap<string, LeftOut>,
): string | undefined {
  const { kind, object } = found;
  if (kind.kind === 'IdempotencyKey')
    return 'it remembers requests for a while, and nothing that is declared';
  if (kind.kind === 'Run' && isRecord(object['status']) && object['status']['finishedAt'] !== undefined) {
    return `it has ended (${String(object['status']['state'])}), and would be run again`;
  }
  if (kind.kind === 'ServiceAccount' && object.metadata.name === 'default') {
    return 'every namespace is given one';
  }
  const owners = ownersOf(found).flatMap(({ uid }) => byUid.get(uid) ?? []);
  const gone = owners.find((owner) => leftOut.has(uidOf(owner)));
  if (gone !== undefined && owners.every((owner) => leftOut.has(uidOf(owner)))) {
    return `it belongs to ${wordsFor(gone)}, which is left out`;
  }
  const maker = makerOf(found);
  if (maker === undefined) return undefined;
  return `${wordsFor({ kind: maker.kind, name: maker.name })} makes it anew`;
}

/** The TaskSet or Run that makes Tasks like this one. */
export function makerOf({ kind, object }: Found): OwnerReference | undefined {
  if (kind.kind !== 'Task') return undefined;
  return (object.metadata.ownerReferences ?? []).find(
    (owner) => owner.controller === true && ['TaskSet', 'Run'].includes(owner.kind),
  );
}

function wordsFor(what: Found | { readonly kind: string; readonly name: string }): string {
  const [kind, name] =
    'object' in what ? [what.kind.kind, what.object.metadata.name] : [what.kind, what.name];
  return `${kind.toLowerCase()}/${name}`;
}

function noteOn({ kind, object }: Found): { note?: string } {
  const state = isRecord(object['status']) ? object['status']['state'] : undefined;
  if (kind.kind !== 'Run' || state !== 'running') return {};
  return { note: 'it was running, and begins again from its first step' };
}

/**
 * The object to create.
 * @param owners which of its owner references still hold, with the uids of now
 */
export function anew(object: DynamicObject, owners: readonly OwnerReference[]): DynamicObject {
  const bare = exported(object);
  const applied = object.metadata.annotations?.[LAST_APPLIED];
  const finalizers = (object.metadata.finalizers ?? []).filter(isDeclared);
  return {
    ...bare,
    metadata: {
      ...bare.metadata,
      // What was applied then is what the next apply compares with.
      ...(applied === undefined
        ? {}
        : { annotations: { ...bare.metadata.annotations, [LAST_APPLIED]: applied } }),
      ...(owners.length === 0 ? {} : { ownerReferences: [...owners] }),
      ...(finalizers.length === 0 ? {} : { finalizers }),
    },
  };
}

/** Finalizers of the control plane's own come and go with what they stand for. */
function isDeclared(finalizer: string): boolean {
  return finalizer !== FINALIZER_CONTAINER && finalizer.includes('/') && !finalizer.startsWith('gantry.dev/');
}

/** The object as it is, with all that is declared as it was. */
export function withWhatWas(live: DynamicObject, was: DynamicObject): DynamicObject {
  const { metadata, status: _seen, ...fields } = anew(was, []);
  const { labels: _labels, annotations: old = {}, managedFields: _owned, ...kept } = live.metadata;
  // A trace id and the like are of the write, not of what was declared.
  const told = Object.entries(old).filter(
    ([name]) => name !== LAST_APPLIED && !Object.hasOwn(exported(live).metadata.annotations ?? {}, name),
  );
  const annotations = { ...Object.fromEntries(told), ...metadata.annotations };
  const declared = new Set(Object.keys(exported(live)));
  const spec = specWithBinding(live, fields['spec']);
  return {
    ...Object.fromEntries(Object.entries(live).filter(([field]) => !declared.has(field))),
    ...fields,
    apiVersion: live.apiVersion,
    kind: live.kind,
    ...(spec === undefined ? {} : { spec }),
    metadata: {
      ...kept,
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
  };
}

/** Who is bound stays bound: that is written through a subresource, by others. */
function specWithBinding(live: DynamicObject, spec: unknown): unknown {
  const [now, bare] = [live['spec'], exported(live)['spec']];
  if (!isRecord(now)) return spec;
  const others = Object.entries(now).filter(([field]) => !isRecord(bare) || !Object.hasOwn(bare, field));
  if (spec === undefined && others.length === 0) return undefined;
  return { ...(isRecord(spec) ? spec : {}), ...Object.fromEntries(others) };
}

export function uidOf({ object }: Found): string {
  return object.metadata.uid ?? '';
}

function ownersOf({ object }: Found): readonly OwnerReference[] {
  return object.metadata.ownerReferences ?? [];
}
