/**
 * ResourceQuotas: only limits that are kept may be asked for. A limit on something that this server does not have
 * (services, volumes) is valid, as in Kubernetes, and never reached.
 * Source of the names: Kubernetes documentation, "Resource Quotas", and core validation.
 */
import { isRecord } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { labelKeyProblem } from '../../../../machinery/names.ts';
import { type FieldProblem, invalid } from '../fielderrors.ts';
import type { KindRules } from './rules.ts';

/** Names without a slash. */
const STANDARD: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
]);
const COUNT = 'count/';

function hardProblems(object: DynamicObject): FieldProblem[] {
  const spec = object['spec'];
  const hard = isRecord(spec) ? spec['hard'] : undefined;
  if (!isRecord(hard)) return [];
  return Object.entries(hard).flatMap(([name, value]) => {
    const field = `spec.hard[${name}]`;
    const problem = nameProblem(name);
    if (problem !== undefined) return [invalid(field, name, problem)];
    return isCount(name) && !isWhole(value) ? [invalid(field, value, 'must be an integer')] : [];
  });
}

function nameProblem(name: string): string | undefined {
  if (!name.includes('/')) return STANDARD.has(name) ? undefined : 'must be a standard resource for quota';
  const problem = labelKeyProblem(name);
  if (problem !== undefined) return problem;
  return name.startsWith(COUNT)
    ? undefined
    : 'is not counted here; use count/<plural>.<group>, or count/<plural> for the core group';
}

/** Sums of quantities may have parts; everything else counts objects. */
function isCount(name: string): boolean {
  return !/(?:^|\.)(?:cpu|memory|storage|ephemeral-storage)$/.test(name);
}

/** What is no quantity is the schema's to refuse. */
function isWhole(value: unknown): boolean {
  return typeof value === 'string' ? !/\.\d*[1-9]|[munp]$/.test(value) : Number.isInteger(value);
}

export const resourceQuotaRules: KindRules = {
  onCreate: hardProblems,
  onUpdate: (object, _before, subresource) => (subresource === 'status' ? [] : hardProblems(object)),
};
