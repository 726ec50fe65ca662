/**
 * What is in the ConfigMaps and Secrets that templates use, as hashes; and the copies that revisions hold of them.
 *
 * It promises:
 * - of what was read only a hash is kept, by the version it was read at, and of no more than a bound of objects;
 * - a copy that was made is immutable and has the content its hash says; whatever else has its name is left alone;
 * - a copy that somebody deleted is made again only while the source still has that content.
 * A Secret's hash is salted with its uid, which only those know who may read it: from the name of a copy nobody can
 * try out passwords.
 */
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { jsonHash } from '../../../machinery/json.ts';
import { ANNOTATION_SNAPSHOT_OF, ANNOTATION_SOURCE_UID, LABEL_TASKSET } from '../../../machinery/labels.ts';
import {
  apiVersionOf,
  type KubeObject,
  keyString,
  type ObjectKey,
  type OwnerReference,
} from '../../../machinery/meta.ts';
import { configMaps, controllerRevisions, secrets } from '../../../schemas/kinds.ts';
import type { InputKind, TaskReference } from '../../../schemas/taskreferences.ts';
import type { ConfigMap, ControllerRevision, Secret } from '../../../schemas/types.gen.ts';
import type { Kinds } from '../../kinds/kinds.ts';
import type { SnapshotInput } from '../../revisions/snapshots.ts';

/** More hashes than sets of one cluster use; beyond it the oldest are read again when they are wanted. */
const REMEMBERED = 20_000;
const HASH_LENGTH = 16;

interface Known {
  readonly resourceVersion: string;
  readonly hash: string;
}

interface Content extends Known {
  readonly object: ConfigMap | Secret;
}

export class Contents {
  readonly #client: Client;
  readonly #kinds: Kinds;
  /** Least recently read first. */
  readonly #known = new Map<string, Known>();

  constructor(client: Client, kinds: Kinds) {
    this.#client = client;
    this.#kinds = kinds;
  }

  /**
   * The hash of what is in it; undefined where there is none, or none that may be read.
   * @param isFresh reads it whatever is known of it.
   */
  async hash(
    namespace: string,
    { kind, name }: TaskReference,
    isFresh: boolean,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const key = { namespace, name };
    const known = this.#known.get(knownKey(kind, key));
    if (!isFresh) {
      const store = this.#kinds.named(kind)?.store;
      const copy = store?.get(keyString(key));
      if (known !== undefined && copy?.metadata.resourceVersion === known.resourceVersion) return known.hash;
      if (known === undefined && copy === undefined && store?.hasSynced === true) return undefined;
    }
    return (await this.#read(kind, key, signal))?.hash;
  }

  /**
   * Sees to it that a revision has its copy of one input.
   * @returns what is in the way, as a sentence. Rejects with `ApiError` where the copy was refused or nothing could be read.
   */
  async ensureSnapshot(
    revision: ControllerRevision,
    set: string,
    input: SnapshotInput,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { kind, snapshot } = input;
    const key = { namespace: revision.metadata.namespace ?? '', name: snapshot };
    const owner = ownerOf(revision);
    const copy = this.#kinds.named(kind)?.store.get(keyString(key));
    const known = this.#known.get(knownKey(kind, key));
    const isSeen = known !== undefined && copy?.metadata.resourceVersion === known.resourceVersion;
    if (isSeen && known.hash === input.hash && isOwnedBy(copy, owner)) return undefined;
    for (let attempt = 1; ; attempt++) {
      const found = await this.#read(kind, key, signal);
      if (found !== undefined) return this.#own(found, owner, input, key, signal);
      const problem = await this.#make(owner, set, input, key, signal);
      // Somebody else has made one in the meantime: then it is that one that counts.
      if (problem !== 'exists') return problem;
      if (attempt >= 3) return `${wordFor(kind)} "${snapshot}" comes and goes`;
    }
  }

  async #own(
    { object, hash, resourceVersion }: Content,
    owner: OwnerReference,
    { kind, name, hash: wanted, snapshot }: SnapshotInput,
    key: ObjectKey,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (hash !== wanted || object.immutable !== true) {
      return `${wordFor(kind)} "${snapshot}" is in the way: the copy of ${wordFor(kind)} "${name}" would have its name; delete it, and the copy is made`;
    }
    if (isOwnedBy(object, owner)) return undefined;
    const ownerReferences = [...(object.metadata.ownerReferences ?? []), owner];
    const body = { metadata: { resourceVersion, ownerReferences } };
    const written = await this.#client.patch(resourceOf(kind), key, { type: 'merge', body }, { signal });
    this.#remember(kind, key, { hash, resourceVersion: written.metadata.resourceVersion ?? '' });
    return undefined;
  }

  async #make(
    owner: OwnerReference,
    set: string,
    { kind, name, hash: wanted, snapshot }: SnapshotInput,
    key: ObjectKey,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const source = await this.#read(kind, { ...key, name }, signal);
    if (source?.hash !== wanted) {
      const now = source === undefined ? 'is gone as well' : 'has other content now';
      return `${wordFor(kind)} "${snapshot}", the copy of "${name}" of this revision, is gone, and "${name}" ${now}: tasks that need it cannot start; change the template, or go on to another revision`;
    }
    const metadata = {
      name: snapshot,
      ...(key.namespace === undefined ? {} : { namespace: key.namespace }),
      labels: { [LABEL_TASKSET]: set },
      annotations: {
        [ANNOTATION_SNAPSHOT_OF]: name,
        ...(kind === 'secrets' ? { [ANNOTATION_SOURCE_UID]: saltOf(source.object) } : {}),
      },
      ownerReferences: [owner],
    };
    try {
      const made = await this.#create(kind, source.object, metadata, signal);
      this.#remember(kind, key, { hash: wanted, resourceVersion: made.metadata.resourceVersion ?? '' });
      return undefined;
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) return 'exists';
      throw error;
    }
  }

  #create(
    kind: InputKind,
    source: ConfigMap | Secret,
    metadata: KubeObject['metadata'],
    signal: AbortSignal,
  ): Promise<KubeObject> {
    const { data } = source;
    const shared = { apiVersion: 'v1', metadata, immutable: true, ...(data === undefined ? {} : { data }) };
    // Opaque, whatever the source's type: a type asks for more than data, and tasks read nothing but data.
    if (kind === 'secrets') {
      return this.#client.create(secrets, { ...shared, kind: secrets.kind, type: 'Opaque' }, { signal });
    }
    const binaryData = 'binaryData' in source ? source.binaryData : undefined;
    const copy = { ...shared, kind: configMaps.kind, ...(binaryData === undefined ? {} : { binaryData }) };
    return this.#client.create(configMaps, copy, { signal });
  }

  async #read(kind: InputKind, key: ObjectKey, signal: AbortSignal): Promise<Content | undefined> {
    try {
      const object =
        kind === 'secrets'
          ? await this.#client.get(secrets, key, { signal })
          : await this.#client.get(configMaps, key, { signal });
      const content = {
        object,
        hash: contentHash(kind, object),
        resourceVersion: object.metadata.resourceVersion ?? '',
      };
      this.#remember(kind, key, { hash: content.hash, resourceVersion: content.resourceVersion });
      return content;
    } catch (error) {
      // What may not be read is not copied either: whoever runs the task is told the same.
      if (!isApiError(error, 'NotFound', 'Forbidden')) throw error;
      this.#known.delete(knownKey(kind, key));
      return undefined;
    }
  }

  #remember(kind: InputKind, key: ObjectKey, known: Known): void {
    const text = knownKey(kind, key);
    this.#known.delete(text);
    this.#known.set(text, known);
    if (this.#known.size <= REMEMBERED) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

/** ConfigMap or Secret, as people call it. */
export function wordFor(kind: InputKind): string {
  return resourceOf(kind).kind;
}

function resourceOf(kind: InputKind): typeof configMaps | typeof secrets {
  return kind === 'secrets' ? secrets : configMaps;
}

function knownKey(kind: InputKind, key: ObjectKey): string {
  return `${kind}:${keyString(key)}`;
}

/** Of what is in it: what makes two revisions of a set different. */
export function contentHash(kind: InputKind, object: ConfigMap | Secret): string {
  const data = object.data ?? {};
  const binaryData = 'binaryData' in object ? (object.binaryData ?? {}) : {};
  const content = kind === 'secrets' ? [saltOf(object), data] : [data, binaryData];
  return jsonHash(content).slice(0, HASH_LENGTH);
}

/** A copy's hash is its source's. */
function saltOf({ metadata }: KubeObject): string {
  return metadata.annotations?.[ANNOTATION_SOURCE_UID] ?? metadata.uid ?? '';
}

/** Not as its controller: several revisions of a set may share a copy. */
function ownerOf({ metadata }: ControllerRevision): OwnerReference {
  const { name, uid } = metadata;
  if (uid === undefined) throw new Error(`ControllerRevision "${name}" has no uid: it was never stored`);
  return { apiVersion: apiVersionOf(controllerRevisions), kind: controllerRevisions.kind, name, uid };
}

function isOwnedBy(object: KubeObject | undefined, owner: OwnerReference): boolean {
  return object?.metadata.ownerReferences?.some(({ uid }) => uid === owner.uid) === true;
}
