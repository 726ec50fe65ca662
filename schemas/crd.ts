/**
 * The form in which every kind is written down: a CustomResourceDefinition document (apiextensions.k8s.io/v1).
 * Built-in kinds and kinds that users register go through the same code, so this is the only form there is.
 */
import type { Condition } from '../machinery/conditions.ts';

/** A structural schema: the subset of JSON Schema that CustomResourceDefinitions allow. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly title?: string;
  readonly description?: string;
  readonly format?: string;
  readonly example?: unknown;
  readonly externalDocs?: { readonly description?: string; readonly url?: string };
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;
  readonly pattern?: string;
  readonly minimum?: number;
  /** OpenAPI 3.0's form: the minimum itself is excluded. */
  readonly exclusiveMinimum?: boolean;
  readonly maximum?: number;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  /** Value validations alone: no types, defaults or extensions inside them. */
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  /** A whole Kubernetes object: apiVersion, kind and metadata are what they are at a root. */
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
  /** Gantry's own: the value must parse as a Kubernetes quantity and not be negative. */
  readonly 'x-gantry-quantity'?: boolean | 'positive';
  /** Gantry's own: the value is itself a schema, which no structural schema could describe. */
  readonly 'x-gantry-schema'?: boolean;
}

/** One CEL rule; `self` is the value the schema describes, `oldSelf` the stored one (transition rules only). */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  /** CEL that gives the message; where it fails or gives none, `message` stands. */
  readonly messageExpression?: string;
  readonly fieldPath?: string;
  readonly reason?: string;
  /** Runs a transition rule on creation too: `oldSelf` is then an optional. */
  readonly optionalOldSelf?: boolean;
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  /** 0 (default) is always shown; above, only with `-o wide`. */
  readonly priority?: number;
  /** Kubernetes' JSONPath subset: `.spec.x`, `.a[0].b`, `.a[*].b`, `.a[?(@.type=="Ready")].status`. */
  readonly jsonPath: string;
}

export interface KindVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  /** Told in a Warning header instead of the usual words. */
  readonly deprecationWarning?: string;
  readonly subresources?: {
    readonly status?: Readonly<Record<string, never>>;
    readonly scale?: {
      readonly specReplicasPath: string;
      readonly statusReplicasPath: string;
      readonly labelSelectorPath?: string;
    };
  };
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly schema: { readonly openAPIV3Schema: Schema };
}

export interface KindNames {
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** How far a user's definition has come; the server writes it. */
export interface KindStatus {
  readonly conditions?: readonly Condition[];
  /** The names it is served under, which may be fewer than it asks for. */
  readonly acceptedNames?: Partial<KindNames>;
  /** Every version in which objects may have been kept so far. */
  readonly storedVersions?: readonly string[];
}

export interface KindDocument {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  /** Only of a definition that lives in the store. */
  readonly status?: KindStatus;
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly names: KindNames;
    readonly preserveUnknownFields?: boolean;
    readonly conversion?: { readonly strategy: 'None' | 'Webhook'; readonly webhook?: unknown };
    readonly versions: readonly KindVersion[];
  };
}
