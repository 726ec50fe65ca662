/**
 * v1 Service, of which there are none: Tasks find each other by name. It is discovered and listed, empty, because tools
 * look into it without asking whether it is there (`kubectl cluster-info`).
 */
import { notFound } from '../../machinery/errors.ts';
import type { Registry, ServedKind } from '../registry/types.ts';
import type { LiveKind } from './live.ts';

const serviceKind: ServedKind = {
  group: '',
  version: 'v1',
  plural: 'services',
  kind: 'Service',
  namespaced: true,
  singular: 'service',
  listKind: 'ServiceList',
  shortNames: ['svc'],
  categories: [],
  verbs: ['get', 'list'],
  columns: [],
  definition: {
    name: 'v1',
    served: true,
    storage: false,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description: 'Service: there are none here; tasks of one namespace find each other by name.',
        properties: {
          apiVersion: { type: 'string', description: 'v1.' },
          kind: { type: 'string', description: 'Service.' },
          metadata: { type: 'object', description: 'Standard object metadata.' },
        },
      },
    },
  },
  subresources: [],
};

export function openServiceKind(registry: Pick<Registry, 'authorize'>): LiveKind {
  const { group, plural: resource } = serviceKind;
  return {
    kind: serviceKind,
    async get(context, key) {
      registry.authorize(context, { verb: 'get', group, resource, ...key });
      throw notFound(serviceKind, key.name);
    },
    async list(context, { namespace }) {
      const where = namespace === undefined ? {} : { namespace };
      registry.authorize(context, { verb: 'list', group, resource, ...where });
      return [];
    },
  };
}
