/**
 * The Node of a Worker: what makes kubectl's node commands (`get nodes`, `describe node`, `cordon`, `drain`, `taint`)
 * work on Workers.
 *
 * Pure. Same name, uid, resourceVersion, labels and annotations. Of what is written to a Node, labels, annotations,
 * spec.unschedulable and spec.taints reach the Worker; anything else that differs is refused.
 * Source of the shape: Kubernetes core/v1 Node.
 */
import { isRecord, isSameJson } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { workers } from '../../schemas/kinds.ts';
import type { Worker } from '../../schemas/types.gen.ts';
import { nodeKind } from './nodekind.ts';
import { foldMetadata, refuseOtherChanges, type View } from './view.ts';

export const nodeView: View = {
  kind: nodeKind,
  source: workers,
  project: (stored) => nodeOf(asWorker(stored)),
  fold: (face, stored) => foldNode(face, stored),
  removal: 'delete',
};

/** The registry has checked the object against the Worker's schema before it was stored. */
function asWorker(object: DynamicObject): Worker {
  return object as DynamicObject & Worker;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function nodeOf(worker: Worker): DynamicObject {
  const { metadata, spec = {}, status = {} } = worker;
  const { managedFields: _fields, ownerReferences: _owners, annotations = {}, ...kept } = metadata;
  const { [LAST_APPLIED]: _applied, ...shown } = annotations;
  const { info = {} } = status;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { ...kept, ...(Object.keys(shown).length === 0 ? {} : { annotations: shown }) },
    spec: {
      ...(spec.unschedulable === true ? { unschedulable: true } : {}),
      ...(spec.taints === undefined || spec.taints.length === 0 ? {} : { taints: spec.taints }),
    },
    status: {
      capacity: status.capacity ?? {},
      allocatable: status.allocatable ?? {},
      conditions: (status.conditions ?? []).map(({ observedGeneration: _seen, ...condition }) => ({
        ...condition,
        lastHeartbeatTime: condition.lastTransitionTime,
      })),
      addresses: status.addresses ?? [],
      nodeInfo: {
        operatingSystem: info.os ?? '',
        architecture: info.arch ?? '',
        kernelVersion: info.kernel ?? '',
        osImage: info.os ?? '',
        containerRuntimeVersion: info.dockerVersion === undefined ? '' : `docker://${info.dockerVersion}`,
        kubeletVersion: info.agentVersion === undefined ? '' : `v${info.agentVersion}`,
        kubeProxyVersion: '',
        machineID: '',
        systemUUID: '',
        bootID: '',
      },
    },
  };
}

function foldNode(face: DynamicObject, stored: DynamicObject): DynamicObject {
  const before = nodeOf(asWorker(stored));
  refuseOtherChanges(
    nodeKind,
    before,
    face,
    ['metadata.labels', 'metadata.annotations', 'spec.unschedulable', 'spec.taints'],
    'of a node only labels, annotations, spec.unschedulable and spec.taints may be changed',
  );
  const { unschedulable, taints } = isRecord(face['spec']) ? face['spec'] : {};
  const old = isRecord(stored['spec']) ? stored['spec'] : {};
  const { unschedulable: _cordoned, taints: _tainted, ...kept } = old;
  const wished = Array.isArray(taints) ? taints.map(withoutTime) : [];
  const spec = {
    ...kept,
    ...(unschedulable === undefined || unschedulable === null || unschedulable === false
      ? {}
      : { unschedulable }),
    ...(wished.length === 0 ? {} : { taints: wished }),
  };
  const folded = { ...stored, metadata: foldMetadata(face, stored, (name) => name === LAST_APPLIED), spec };
  return isSameJson(folded, stored) ? stored : folded;
}

/** kubectl says when it added a NoExecute taint; Workers keep no time with theirs. */
function withoutTime(taint: unknown): unknown {
  if (!isRecord(taint)) return taint;
  const { timeAdded: _time, ...kept } = taint;
  return kept;
}
