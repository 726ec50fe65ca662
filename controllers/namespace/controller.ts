/**
 * Empties a namespace that was deleted, and lets it go once nothing is left in it.
 *
 * It promises:
 * - everything in it is deleted as anybody would delete it: with its finalizers and its grace;
 * - it lets go only after an uncached look at every kind has found nothing, twice, with a write of its own in between:
 *   what was let in before the deletion was seen is committed before that write, and found by the second look;
 * - why a namespace is still there is always said in its conditions.
 */
import { isApiError, messageOf } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { namespaces } from '../../schemas/kinds.ts';
import type { Namespace } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import type { FollowedKind, Kinds } from '../kinds/kinds.ts';
import { type Content, planEmptying, type Removal } from './plan.ts';

/** The finalizer of `spec.finalizers` that is this controller's own. */
const FINALIZER = 'kubernetes';
/** What is left is looked at again after this long even if nothing tells of it. */
const RECHECK_MS = 5_000;
const PAGE = 500;

export function openNamespaceController(context: ControllerContext, kinds: Kinds): ControllerLoop {
  const controller = new NamespaceController(context, kinds);
  const loop = new ControllerLoop(controller, { ...context, backoff: { baseMs: 50, maxMs: 60_000 } });
  controller.attach(loop);
  return loop;
}

class NamespaceController implements Controller {
  readonly name = 'namespace';
  readonly resource = namespaces;
  readonly #context: ControllerContext;
  readonly #kinds: Kinds;
  readonly #terminating = new Set<string>();
  /** Of the last round, by namespace; only to be told. */
  readonly #failures = new Map<string, readonly string[]>();

  constructor(context: ControllerContext, kinds: Kinds) {
    this.#context = context;
    this.#kinds = kinds;
  }

  attach(loop: ControllerLoop): void {
    this.#kinds.onItem(({ name }, key, object, old) => {
      if (name === 'namespaces') {
        if (object?.metadata.deletionTimestamp === undefined) {
          this.#terminating.delete(key);
          this.#failures.delete(key);
          return;
        }
        this.#terminating.add(key);
        loop.enqueue(key);
        return;
      }
      // What goes, and what somebody lets go, is what the namespace waits for; so is a late arrival.
      const namespace = (object ?? old)?.metadata.namespace;
      if (namespace !== undefined && this.#terminating.has(namespace)) loop.enqueue(namespace);
    });
    this.#kinds.onKind((_, change) => {
      if (change === 'came') for (const namespace of this.#terminating) loop.enqueue(namespace);
    });
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const namespace = await this.#read(key, signal);
    if (namespace?.metadata.deletionTimestamp === undefined) return done;
    if (namespace.spec?.finalizers?.includes(FINALIZER) !== true) return done;
    const { contents, unreadable } = await this.#look(key, signal);
    const plan = planEmptying({
      namespace,
      contents,
      unreadable,
      failures: this.#failures.get(key) ?? [],
      nowMs: this.#context.clock.now(),
    });
    const failures = await this.#removeAll(key, plan.remove, signal);
    if (!plan.isEmpty || plan.status !== undefined) {
      if (plan.status !== undefined) await this.#write({ ...namespace, status: plan.status }, signal);
      // Something was asked to go: the next look says how far that came.
      return requeueAfter(failures.length > 0 || plan.remove.length > 0 ? RECHECK_MS / 5 : RECHECK_MS);
    }
    await this.#finalize(namespace, signal);
    return done;
  }

  async #read(name: string, signal: AbortSignal): Promise<Namespace | undefined> {
    try {
      return await this.#context.client.get(namespaces, { name }, { signal });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Everything in the namespace, as the server has it now. */
  async #look(
    namespace: string,
    signal: AbortSignal,
  ): Promise<{ contents: readonly Content[]; unreadable: readonly string[] }> {
    const contents: Content[] = [];
    // A kind whose copy is not complete is read all the same; one that is not known yet cannot be.
    const unreadable = this.#kinds.isDiscovered ? [] : ['customresourcedefinitions have not been read yet'];
    for (const kind of this.#kinds.all()) {
      if (!kind.resource.namespaced) continue;
      try {
        contents.push({ kind: kind.name, objects: await this.#list(kind, namespace, signal) });
      } catch (error) {
        if (!isApiError(error) || signal.aborted) throw error;
        unreadable.push(`${kind.name}: ${messageOf(error)}`);
      }
    }
    return { contents, unreadable };
  }

  async #list({ resource }: FollowedKind, namespace: string, signal: AbortSignal): Promise<KubeObject[]> {
    const objects: KubeObject[] = [];
    let next: string | undefined;
    do {
      const page = await this.#context.client.list(resource, {
        namespace,
        limit: PAGE,
        signal,
        ...(next === undefined ? {} : { continue: next }),
      });
      objects.push(...page.items);
      next = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (next !== undefined);
    return objects;
  }

  async #removeAll(
    namespace: string,
    removals: readonly Removal[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const failures: string[] = [];
    for (const removal of removals) {
      try {
        await this.#remove(removal, signal);
      } catch (error) {
        if (!isApiError(error) || signal.aborted) throw error;
        failures.push(messageOf(error));
      }
    }
    this.#failures.set(namespace, failures);
    if (removals.length > 0) {
      this.#context.log.info(
        { namespace, removed: removals.length - failures.length, failed: failures.length },
        'emptying a deleted namespace',
      );
    }
    return failures;
  }

  async #remove({ kind: name, key, uid }: Removal, signal: AbortSignal): Promise<void> {
    const kind = this.#kinds.named(name);
    if (kind === undefined) return;
    try {
      await this.#context.client.delete(kind.resource, key, {
        propagationPolicy: 'Background',
        ...(uid === undefined ? {} : { preconditions: { uid } }),
        signal,
      });
      this.#context.log.debug({ kind: name, ...key }, 'deleted: its namespace is being deleted');
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  async #write(namespace: Namespace, signal: AbortSignal): Promise<void> {
    await this.#context.client.update(namespaces, namespace, { subresource: 'status', signal });
    const { name, uid } = namespace.metadata;
    const problems = namespace.status?.conditions?.filter(({ status }) => status === 'True') ?? [];
    const failure = problems.find(({ type }) => type === 'NamespaceDeletionContentFailure');
    this.#context.log.info(
      { namespace: name, uid, conditions: problems.map(({ message }) => message) },
      'a deleted namespace is still there',
    );
    if (failure === undefined) return;
    this.#context.recorder.record({
      object: namespace,
      type: 'Warning',
      reason: failure.reason ?? 'ContentDeletionFailed',
      message: failure.message ?? 'something in it cannot be deleted',
      decision: {
        inputs: { conditions: problems },
        verdict: failure.reason,
        action: 'the namespace stays Terminating',
      },
    });
  }

  async #finalize(namespace: Namespace, signal: AbortSignal): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((item) => item !== FINALIZER);
    const { finalizers: _lifted, ...spec } = namespace.spec ?? {};
    const lifted = { ...namespace, spec: finalizers.length === 0 ? spec : { ...spec, finalizers } };
    await this.#context.client.update(namespaces, lifted, { subresource: 'finalize', signal });
    const { name, uid } = namespace.metadata;
    this.#context.log.info({ namespace: name, uid }, 'nothing is left in a deleted namespace: it goes');
    this.#context.recorder.record({
      object: namespace,
      type: 'Normal',
      reason: 'NamespaceEmptied',
      message: 'nothing is left in it',
      decision: { inputs: {}, verdict: 'empty', action: `the finalizer ${FINALIZER} is lifted` },
    });
  }
}
