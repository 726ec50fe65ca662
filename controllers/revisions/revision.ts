/**
 * Templates as they once were, kept as ControllerRevisions: what they are called and what belongs to which. Pure.
 *
 * A revision is named after its owner and a hash of its data, so that making it twice is making it once; its number says
 * how new it is, and is raised when an old one becomes the newest again.
 * Source of the form: Kubernetes, apps/v1 ControllerRevision and how DaemonSets use it.
 */
import { jsonHash } from '../../machinery/json.ts';
import { LABEL_REVISION } from '../../machinery/labels.ts';
import { apiVersionOf, type KubeObject, type OwnerReference, type Resource } from '../../machinery/meta.ts';
import { childName } from '../../machinery/names.ts';
import { controllerRevisions } from '../../schemas/kinds.ts';
import type { ControllerRevision } from '../../schemas/types.gen.ts';

const HASH_LENGTH = 10;

export function revisionHash(data: unknown): string {
  return jsonHash(data).slice(0, HASH_LENGTH);
}

export interface RevisionInput {
  readonly resource: Pick<Resource, 'group' | 'version' | 'kind'>;
  readonly owner: KubeObject;
  /** Of what makes two revisions different; `data` may hold more. */
  readonly hash: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly revision: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function newRevision(input: RevisionInput): ControllerRevision {
  const { owner, resource, hash, labels, annotations } = input;
  const { namespace } = owner.metadata;
  return {
    apiVersion: apiVersionOf(controllerRevisions),
    kind: controllerRevisions.kind,
    metadata: {
      name: revisionName(owner.metadata.name, hash),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...labels, [LABEL_REVISION]: hash },
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ownerReferences: [controllerReference(resource, owner)],
    },
    data: { ...input.data },
    revision: input.revision,
  };
}

export function revisionName(owner: string, hash: string): string {
  return childName([owner, hash]);
}

/** Says that `owner` controls an object: it is the only one that does, and the object goes with it. */
export function controllerReference(
  resource: Pick<Resource, 'group' | 'version' | 'kind'>,
  owner: KubeObject,
): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined) throw new Error(`${resource.kind} "${name}" has no uid: it was never stored`);
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}
