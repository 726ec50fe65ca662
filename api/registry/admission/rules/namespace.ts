/**
 * Namespaces: their names end up in container and host names; `spec.finalizers` says who must finish before a deleted
 * one goes, and only the `finalize` subresource changes it; some are there for good.
 * Source of the rules: Kubernetes documentation, "Namespaces"; the apiserver's namespace strategy and NamespaceLifecycle.
 */
import { isRecord } from '../../../../machinery/json.ts';
import { NAMESPACE_DEFAULT, NAMESPACE_SYSTEM } from '../../../../machinery/labels.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { dnsLabelProblem, labelKeyProblem } from '../../../../machinery/names.ts';
import { namespaces } from '../../../../schemas/kinds.ts';
import { type FieldProblem, invalid } from '../fielderrors.ts';
import { securityLabelProblems } from '../security/levels.ts';
import type { KindRules } from './rules.ts';

/** Held until the namespace controller has emptied the namespace. */
const NAMESPACE_FINALIZER = 'kubernetes';

/**
 * There from the first start on, and never deleted. Kubernetes' own three may stay empty: tools take the uid of
 * `kube-system` for the cluster's, and look for heartbeats in `kube-node-lease`.
 */
export const PERMANENT_NAMESPACES: readonly string[] = [
  NAMESPACE_DEFAULT,
  NAMESPACE_SYSTEM,
  'kube-system',
  'kube-public',
  'kube-node-lease',
];

const LABEL_NAME = 'kubernetes.io/metadata.name';

/** Who must still finish. */
export function namespaceFinalizers(namespace: DynamicObject): readonly string[] {
  const spec = namespace['spec'];
  const finalizers = isRecord(spec) ? spec['finalizers'] : undefined;
  return Array.isArray(finalizers)
    ? finalizers.filter((item): item is string => typeof item === 'string')
    : [];
}

export function isTerminating(namespace: DynamicObject): boolean {
  const status = namespace['status'];
  return (
    namespace.metadata.deletionTimestamp !== undefined ||
    (isRecord(status) && status['phase'] === 'Terminating')
  );
}

export function isNamespace(object: DynamicObject): boolean {
  return object.kind === namespaces.kind && object.apiVersion === namespaces.version;
}

/**
 * Whether a deletion marks the namespace instead of removing it. One that is not marked yet always is: also one from
 * before namespaces had finalizers is emptied first.
 */
export function isNamespaceHeld(namespace: DynamicObject): boolean {
  return namespace.metadata.deletionTimestamp === undefined || namespaceFinalizers(namespace).length > 0;
}

/** Selectors of namespaces by name rest on this label. */
function labelName(object: DynamicObject): void {
  const { name, labels } = object.metadata;
  if (name !== '' && labels?.[LABEL_NAME] !== name && dnsLabelProblem(name) === undefined)
    object.metadata = { ...object.metadata, labels: { ...labels, [LABEL_NAME]: name } };
}

/** Replaces `spec.finalizers`, and nothing else of the spec. */
function setFinalizers(object: DynamicObject, finalizers: readonly string[]): void {
  const { finalizers: _old, ...spec } = isRecord(object['spec']) ? object['spec'] : {};
  object['spec'] = finalizers.length === 0 ? spec : { ...spec, finalizers: [...finalizers] };
}

function finalizerProblems(object: DynamicObject): FieldProblem[] {
  return namespaceFinalizers(object).flatMap((finalizer, index) => {
    const problem =
      finalizer === NAMESPACE_FINALIZER || finalizer.includes('/')
        ? labelKeyProblem(finalizer)
        : 'name is neither a standard finalizer name nor is it fully qualified';
    return problem === undefined ? [] : [invalid(`spec.finalizers[${index}]`, finalizer, problem)];
  });
}

function phaseProblems(object: DynamicObject): FieldProblem[] {
  const phase = isRecord(object['status']) ? object['status']['phase'] : undefined;
  const wanted = object.metadata.deletionTimestamp === undefined ? 'Active' : 'Terminating';
  if (phase === wanted) return [];
  const when = wanted === 'Active' ? 'is empty' : 'is not empty';
  return [invalid('status.Phase', phase ?? '', `may only be '${wanted}' if \`deletionTimestamp\` ${when}`)];
}

export const namespaceRules: KindRules = {
  nameProblem: dnsLabelProblem,
  onCreate(object) {
    labelName(object);
    const finalizers = namespaceFinalizers(object);
    if (!finalizers.includes(NAMESPACE_FINALIZER))
      setFinalizers(object, [...finalizers, NAMESPACE_FINALIZER]);
    return [...securityLabelProblems(object, undefined), ...finalizerProblems(object)];
  },
  onUpdate(object, before, subresource) {
    if (subresource === 'status') return phaseProblems(object);
    if (subresource === 'finalize') {
      // Only the finalizers are taken from what was sent.
      const finalizers = namespaceFinalizers(object);
      const { resourceVersion: _served, ...metadata } = before.metadata;
      Object.assign(object, before, { metadata });
      setFinalizers(object, finalizers);
      return finalizerProblems(object);
    }
    labelName(object);
    setFinalizers(object, namespaceFinalizers(before));
    return securityLabelProblems(object, before);
  },
  deletionRefusal: ({ metadata }) =>
    PERMANENT_NAMESPACES.includes(metadata.name) ? 'this namespace may not be deleted' : undefined,
  onMarkDeleted(object) {
    const status = isRecord(object['status']) ? object['status'] : {};
    object['status'] = { ...status, phase: 'Terminating' };
    if (namespaceFinalizers(object).length === 0) setFinalizers(object, [NAMESPACE_FINALIZER]);
  },
};
