/** Where objects live on the wire. Source: Kubernetes API concepts, "Resource URIs". */
import { ApiError } from '../machinery/errors.ts';
import type { KubeObject, Resource } from '../machinery/meta.ts';

export interface PathOptions {
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** The collection, or with a name the object. A namespaced collection without a namespace is that of all namespaces. */
export function resourcePath(resource: Resource<KubeObject>, options: PathOptions = {}): string {
  const { namespace, name, subresource } = options;
  if (name === '') throw new ApiError('BadRequest', `a ${resource.kind} needs a name: found an empty one`);
  if (name !== undefined && resource.namespaced && (namespace ?? '') === '') {
    throw new ApiError(
      'BadRequest',
      `${resource.plural} "${name}" needs a namespace: ${resource.kind} is namespaced`,
    );
  }
  const root = resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
  const parts = [
    ...root,
    ...(resource.namespaced && (namespace ?? '') !== '' ? ['namespaces', namespace ?? ''] : []),
    resource.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return `/${parts.map(encodeURIComponent).join('/')}`;
}
