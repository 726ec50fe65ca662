/** The form in which kinds that are asked and not stored are written down. Their only verb is create. */
import type { KindVersion, Schema } from './crd.ts';

export interface ReviewDocument {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly description: string;
  /** Absent: nothing is asked but the question itself. */
  readonly spec?: Schema;
  readonly status: Schema;
}

/** The document as a version of a kind, for discovery, validation and OpenAPI. */
export function reviewVersion(document: ReviewDocument): KindVersion {
  const { group, version, kind, description, spec, status } = document;
  return {
    name: version,
    served: true,
    storage: false,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description,
        ...(spec === undefined ? {} : { required: ['spec'] }),
        properties: {
          apiVersion: {
            type: 'string',
            description: `The group and version of this representation: ${group}/${version}.`,
          },
          kind: { type: 'string', description: `The kind of this object: ${kind}.` },
          metadata: { type: 'object', description: 'Standard object metadata.' },
          ...(spec === undefined ? {} : { spec }),
          status,
        },
      },
    },
  };
}
