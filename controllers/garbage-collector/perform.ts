/** One collection plan, carried out: each write names the uid and the version it was decided on, each has its reason. */
import type { Client } from '../../machinery/client.ts';
import { isApiError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import { type KubeObject, keyOf, parseKey } from '../../machinery/meta.ts';
import type { EventSink } from '../engine/event.ts';
import { parseItem } from '../kinds/item.ts';
import type { FollowedKind, Kinds } from '../kinds/kinds.ts';
import type { CollectPlan, Owner } from './plan.ts';

export interface PerformContext {
  readonly client: Client;
  readonly recorder: EventSink;
  readonly log: Log;
  readonly kinds: Kinds;
}

export interface Collection {
  readonly kind: FollowedKind;
  /** As it was read for the decision. */
  readonly object: KubeObject;
  readonly owners: readonly Owner[];
  readonly plan: CollectPlan;
}

const PAGE = 500;

/** Rejects with `ApiError`: `Conflict` when the object changed since, in which case the watch brings it again. */
export async function performCollection(
  context: PerformContext,
  { kind, object, owners, plan }: Collection,
  signal: AbortSignal,
): Promise<void> {
  const { client, kinds } = context;
  const tell = teller(context, kind, object, owners);
  switch (plan.kind) {
    case 'nothing':
    case 'wait':
      return;
    case 'protected':
      return tell('Warning', 'Protected', plan.why, 'it stays');
    case 'delete': {
      const { uid, resourceVersion } = object.metadata;
      const preconditions = {
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      };
      const propagationPolicy = plan.policy;
      await client.delete(kind.resource, keyOf(object), { propagationPolicy, preconditions, signal });
      return tell('Normal', 'GarbageCollected', `deleted: ${plan.why}`, `delete, ${propagationPolicy}`);
    }
    case 'release':
      await release(client, kind, object, plan.uids, signal);
      return tell('Normal', 'OwnerReleased', plan.why, 'their references are removed');
    case 'orphan':
      for (const item of plan.items) {
        const found = parseItem(item);
        const dependentKind = kinds.named(found.kind);
        if (dependentKind !== undefined) {
          await orphan(context, kind, object, dependentKind, parseKey(found.key), signal);
        }
      }
      return;
    case 'lift': {
      if (plan.finalizer === 'orphan') await orphanUnseen(context, kind, object, signal);
      const finalizers = (object.metadata.finalizers ?? []).filter((item) => item !== plan.finalizer);
      await patchMetadata(client, kind, object, { finalizers }, signal);
      return tell('Normal', 'DependentsSettled', plan.why, `the finalizer ${plan.finalizer} is lifted`);
    }
  }
}

function teller(
  { recorder, log }: PerformContext,
  kind: FollowedKind,
  object: KubeObject,
  owners: readonly Owner[],
): (type: 'Normal' | 'Warning', reason: string, why: string, action: string) => void {
  return (type, reason, why, action) => {
    const { name, namespace, uid } = object.metadata;
    const inputs = {
      owners: owners.map(({ reference, state }) => ({
        kind: reference.kind,
        name: reference.name,
        uid: reference.uid,
        state,
      })),
    };
    log.info({ kind: kind.name, namespace, name, uid, reason, action, ...inputs }, why);
    recorder.record({ object, type, reason, message: why, decision: { inputs, verdict: reason, action } });
  };
}

/** Takes the owner out of a dependent's references. */
async function orphan(
  context: PerformContext,
  ownerKind: FollowedKind,
  owner: KubeObject,
  kind: FollowedKind,
  key: { readonly namespace?: string; readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  const { client } = context;
  const { uid = '', name } = owner.metadata;
  try {
    const dependent = await client.get(kind.resource, key, { signal });
    if (dependent.metadata.ownerReferences?.some((reference) => reference.uid === uid) !== true) return;
    await release(client, kind, dependent, [uid], signal);
    const why = `its owner ${ownerKind.resource.kind} "${name}" is deleted and leaves its dependents behind`;
    teller(context, kind, dependent, [])('Normal', 'Orphaned', why, 'the reference to the owner is removed');
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}

/**
 * Before the last hold on an owner is lifted everything is looked at once, with the server: a dependent that the watch
 * has not brought yet would be collected afterwards, which is the opposite of what was asked for.
 */
async function orphanUnseen(
  context: PerformContext,
  ownerKind: FollowedKind,
  owner: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, uid } = owner.metadata;
  for (const kind of context.kinds.all()) {
    if (namespace !== undefined && !kind.resource.namespaced) continue;
    for await (const object of everything(context.client, kind, namespace, signal)) {
      if (object.metadata.ownerReferences?.some((reference) => reference.uid === uid) !== true) continue;
      await orphan(context, ownerKind, owner, kind, keyOf(object), signal);
    }
  }
}

async function* everything(
  client: Client,
  { resource }: FollowedKind,
  namespace: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<KubeObject> {
  let next: string | undefined;
  do {
    const page = await client.list(resource, {
      limit: PAGE,
      signal,
      ...(namespace === undefined ? {} : { namespace }),
      ...(next === undefined ? {} : { continue: next }),
    });
    yield* page.items;
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
}

async function release(
  client: Client,
  kind: FollowedKind,
  object: KubeObject,
  uids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const ownerReferences = (object.metadata.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
  await patchMetadata(client, kind, object, { ownerReferences }, signal);
}

async function patchMetadata(
  client: Client,
  kind: FollowedKind,
  object: KubeObject,
  change: Record<string, unknown>,
  signal: AbortSignal,
): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const body = { metadata: { uid, resourceVersion, ...change } };
  await client.patch(kind.resource, keyOf(object), { type: 'merge', body }, { signal });
}
