/**
 * All kinds that are served, followed together: the built-in ones, and those that users register while we run.
 *
 * It promises:
 * - each kind is followed by one watch, which begins when the kind comes and ends when it goes; kinds that other
 *   controllers follow already are read through their copies;
 * - of the others only the little is kept that ownership and age are told by (`keptOf`), never whole objects;
 * - `isComplete` is true only while every kind's copy has been read once: what must not overlook anything asks it.
 * Kinds that are asked and not stored (reviews) and views (Pods, Nodes) have no document of a stored kind: they are not here.
 */
import { Informer, type InformerOptions, type ObjectStore } from '../../client/informer.ts';
import { ANNOTATION_PROTECT, ANNOTATION_TTL } from '../../machinery/labels.ts';
import type { KubeObject, ObjectMeta, Resource } from '../../machinery/meta.ts';
import { qualifiedName } from '../../machinery/meta.ts';
import type { KindDocument } from '../../schemas/crd.ts';
import { isEstablished, isSameSource, type KindSource, kindSource, referenceName } from './documents.ts';

export interface FollowedKind extends KindSource {
  readonly store: ObjectStore<KubeObject>;
}

/** @param object as far as it is kept; undefined once deleted. */
export type ItemHandler = (
  kind: FollowedKind,
  key: string,
  object: KubeObject | undefined,
  old: KubeObject | undefined,
) => void;

export type KindHandler = (kind: FollowedKind, change: 'came' | 'went') => void;

export interface KindsOptions
  extends Pick<InformerOptions<KubeObject>, 'client' | 'clock' | 'random' | 'log'> {
  readonly builtin: readonly KindDocument[];
  /** Copies of whole kinds that are there anyway; whoever made them starts them. */
  readonly shared: readonly {
    readonly resource: Resource<KubeObject>;
    readonly store: ObjectStore<KubeObject>;
  }[];
}

const DEFINITIONS: Resource<KindDocument & KubeObject> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

interface Running {
  readonly kind: FollowedKind;
  readonly stop: AbortController;
  readonly unsubscribe: () => void;
}

export class Kinds {
  readonly #options: KindsOptions;
  readonly #running = new Map<string, Running>();
  /** By what references call them. */
  readonly #byReference = new Map<string, string>();
  readonly #builtin: ReadonlySet<string>;
  readonly #itemHandlers: ItemHandler[] = [];
  readonly #kindHandlers: KindHandler[] = [];
  readonly #ended = new Set<Promise<void>>();
  /** What users have registered; undefined where that is not possible. */
  readonly #definitions: Informer<KindDocument & KubeObject> | undefined;
  #signal: AbortSignal | undefined;

  constructor(options: KindsOptions) {
    this.#options = options;
    const sources = options.builtin.map(kindSource).filter((source) => source !== undefined);
    this.#builtin = new Set(sources.map(({ name }) => name));
    this.#definitions = this.#builtin.has(qualifiedName(DEFINITIONS))
      ? new Informer({ ...options, resource: DEFINITIONS })
      : undefined;
    for (const source of sources) this.#follow(source);
  }

  all(): readonly FollowedKind[] {
    return [...this.#running.values()].map(({ kind }) => kind);
  }

  /** By `plural.group`. */
  named(name: string): FollowedKind | undefined {
    return this.#running.get(name)?.kind;
  }

  /** The kind a reference means, in any version it is served in. */
  referred(apiVersion: string, kind: string): FollowedKind | undefined {
    const name = this.#byReference.get(referenceName(apiVersion, kind));
    return name === undefined ? undefined : this.named(name);
  }

  /** False until it is known which kinds users have registered. */
  get isDiscovered(): boolean {
    return this.#definitions?.hasSynced !== false;
  }

  /** Names of kinds whose objects have not all been read yet; empty when nothing can be overlooked. */
  unread(): readonly string[] {
    const waiting = this.all().filter(({ store }) => !store.hasSynced);
    const names = waiting.map(({ name }) => name);
    return this.isDiscovered ? names : [qualifiedName(DEFINITIONS), ...names];
  }

  get isComplete(): boolean {
    return this.unread().length === 0;
  }

  /** Calls the handler for everything known now and for every change, of every kind. To be called before `run`. */
  onItem(handler: ItemHandler): void {
    this.#itemHandlers.push(handler);
    for (const { kind } of this.#running.values()) {
      kind.store.onChange((key, object, old) => handler(kind, key, object, old));
    }
  }

  /** Told of kinds that come and go later; the objects of one that went are still in its store. */
  onKind(handler: KindHandler): void {
    this.#kindHandlers.push(handler);
  }

  /** Follows until the signal aborts; resolves when every watch has ended. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const running of this.#running.values()) this.#start(running);
    const definitions = this.#definitions;
    if (definitions !== undefined) {
      definitions.onChange((_, document, old) => this.#define(document, old));
      this.#track(definitions.start(signal));
    }
    while (this.#ended.size > 0) await Promise.all(this.#ended);
  }

  /** Resolves once every kind known at the start has been read, or when the signal aborts. */
  async synced(signal: AbortSignal): Promise<void> {
    await this.#definitions?.synced(signal);
    for (const { kind } of this.#running.values()) {
      if (this.#informers.has(kind.name)) await this.#informers.get(kind.name)?.synced(signal);
    }
  }

  /** Those we start ourselves. */
  readonly #informers = new Map<string, Informer<KubeObject>>();

  #define(document: KindDocument | undefined, old: KindDocument | undefined): void {
    const source = document !== undefined && isEstablished(document) ? kindSource(document) : undefined;
    const gone = old === undefined ? undefined : kindSource(old);
    const name = source?.name ?? gone?.name;
    if (name === undefined || this.#builtin.has(name)) return;
    const known = this.#running.get(name);
    if (known !== undefined && (source === undefined || !isSameSource(known.kind, source))) this.#drop(known);
    if (source === undefined) return;
    const running = this.#running.get(name) ?? this.#follow(source);
    for (const reference of source.references) this.#byReference.set(reference, name);
    if (known === running) return;
    this.#start(running);
    for (const handler of this.#kindHandlers) handler(running.kind, 'came');
  }

  #follow(source: KindSource): Running {
    const shared = this.#options.shared.find(({ resource }) => qualifiedName(resource) === source.name);
    let store = shared?.store;
    if (store === undefined) {
      const informer = new Informer({ ...this.#options, resource: source.resource, keep: keptOf });
      this.#informers.set(source.name, informer);
      store = informer;
    }
    const kind = { ...source, store };
    const unsubscribes = this.#itemHandlers.map((handler) =>
      kind.store.onChange((key, object, old) => handler(kind, key, object, old)),
    );
    const running = {
      kind,
      stop: new AbortController(),
      unsubscribe: () => {
        for (const unsubscribe of unsubscribes) unsubscribe();
      },
    };
    this.#running.set(source.name, running);
    for (const reference of source.references) this.#byReference.set(reference, source.name);
    return running;
  }

  #start({ kind, stop }: Running): void {
    const informer = this.#informers.get(kind.name);
    if (informer === undefined || this.#signal === undefined) return;
    this.#track(informer.start(AbortSignal.any([this.#signal, stop.signal])));
  }

  #drop({ kind, stop, unsubscribe }: Running): void {
    stop.abort();
    unsubscribe();
    this.#running.delete(kind.name);
    this.#informers.delete(kind.name);
    for (const [reference, name] of this.#byReference) {
      if (name === kind.name) this.#byReference.delete(reference);
    }
    for (const handler of this.#kindHandlers) handler(kind, 'went');
  }

  #track(ended: Promise<void>): void {
    const tracked = ended.finally(() => void this.#ended.delete(tracked));
    this.#ended.add(tracked);
  }
}

/** What ownership, protection and age are told by; a tenth of what an object takes. */
export function keptOf({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const { deletionTimestamp, finalizers, ownerReferences, annotations } = metadata;
  const kept: ObjectMeta = { name };
  if (namespace !== undefined) kept.namespace = namespace;
  if (uid !== undefined) kept.uid = uid;
  if (resourceVersion !== undefined) kept.resourceVersion = resourceVersion;
  if (deletionTimestamp !== undefined) kept.deletionTimestamp = deletionTimestamp;
  if (finalizers !== undefined) kept.finalizers = finalizers;
  if (ownerReferences !== undefined) kept.ownerReferences = ownerReferences;
  for (const annotation of [ANNOTATION_TTL, ANNOTATION_PROTECT]) {
    const value = annotations?.[annotation];
    if (value === undefined) continue;
    kept.annotations = { ...kept.annotations, [annotation]: value };
    if (creationTimestamp !== undefined) kept.creationTimestamp = creationTimestamp;
  }
  return { apiVersion, kind, metadata: kept };
}
