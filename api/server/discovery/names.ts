/** What OpenAPI documents call the definition of a kind: what client generators make their type names from. */
import type { GroupVersionKind } from './subresources.ts';

export const META_PREFIX = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** Groups whose Go packages Kubernetes keeps elsewhere than a group's name says. */
const PACKAGES: Readonly<Record<string, string>> = {
  '': 'io.k8s.api.core',
  apps: 'io.k8s.api.apps',
  autoscaling: 'io.k8s.api.autoscaling',
  policy: 'io.k8s.api.policy',
  'authentication.k8s.io': 'io.k8s.api.authentication',
  'authorization.k8s.io': 'io.k8s.api.authorization',
  'coordination.k8s.io': 'io.k8s.api.coordination',
  'events.k8s.io': 'io.k8s.api.events',
  'rbac.authorization.k8s.io': 'io.k8s.api.rbac',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'metrics.k8s.io': 'io.k8s.metrics.pkg.apis.metrics',
};

/** `io.k8s.api.core.v1.Pod`; `dev.gantry.v1.Task`: of any other group the labels reversed, as for custom kinds. */
export function definitionName({ group, version, kind }: GroupVersionKind): string {
  const prefix = Object.hasOwn(PACKAGES, group) ? PACKAGES[group] : group.split('.').toReversed().join('.');
  return `${prefix}.${version}.${kind}`;
}
