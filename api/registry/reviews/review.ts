/**
 * Kinds that are asked and not stored: the frame around each answer. Every question is authorized as a create, read by
 * its schema, and told to the audit, like any other request.
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import { type ReviewDocument, reviewVersion } from '../../../schemas/reviews.ts';
import type { Audit } from '../access/audit/audit.ts';
import type { Authorizer } from '../access/authorize.ts';
import { invalid, invalidObject } from '../admission/fielderrors.ts';
import { conformObject } from '../admission/structural.ts';
import { compileValidator } from '../admission/validation.ts';
import { apiErrorFromStore } from '../storeerrors.ts';
import type { AccessRequest, RequestContext, Review, ServedKind } from '../types.ts';

export interface ReviewParts {
  readonly authorizer: Authorizer;
  readonly audit: Audit;
}

/** A question, read and found to be of its schema. */
export interface Question {
  readonly identity: Identity;
  readonly spec: Readonly<Record<string, unknown>>;
  /** The path's, of namespaced kinds. */
  readonly namespace: string | undefined;
  readonly kind: ServedKind;
}

/** The status. Throws `ApiError`. */
export type Answer = (
  question: Question,
) => Promise<Readonly<Record<string, unknown>>> | Readonly<Record<string, unknown>>;

export function newReview(document: ReviewDocument, parts: ReviewParts, answer: Answer): Review {
  const kind = servedKind(document);
  const schema = kind.definition.schema.openAPIV3Schema;
  const validator = compileValidator(schema, `${kind.plural}.${kind.group}`);
  const reply = async (
    { identity }: RequestContext,
    request: AccessRequest,
    body: DynamicObject,
    namespace: string | undefined,
  ): Promise<DynamicObject> => {
    parts.authorizer.check(identity, request);
    const { value } = conformObject(schema, body);
    const { status: _sent, ...asked } = isRecord(value) ? value : {};
    const problems = validator.problems(asked, undefined);
    if (problems.length > 0) throw invalidObject(kind, body.metadata.name, problems);
    refuseMetadata(kind, body, namespace);
    const spec = isRecord(asked['spec']) ? asked['spec'] : {};
    const status = await answer({ identity, spec, namespace, kind });
    const { apiVersion, kind: name } = body;
    // Nothing was made, so there is no name to tell.
    const metadata = { name: '', ...(namespace === undefined ? {} : { namespace }) };
    return { apiVersion, kind: name, metadata, ...(document.spec === undefined ? {} : { spec }), status };
  };
  return {
    kind,
    async answer(context, body, namespace) {
      const request: AccessRequest = {
        verb: 'create',
        group: kind.group,
        version: kind.version,
        resource: kind.plural,
        ...(namespace === undefined ? {} : { namespace }),
      };
      if (context.origin !== undefined) context.origin.told = 'everything';
      const call = parts.audit.begin(context, { request }, body);
      try {
        const answered = await reply(context, request, body, namespace);
        call?.end({ code: 201, responseObject: answered });
        return answered;
      } catch (error) {
        const translated = apiErrorFromStore(error);
        call?.end({ error: translated });
        throw translated;
      }
    },
  };
}

/** A question has no name and no labels: somebody who gives it some expects it to be kept. */
function refuseMetadata(kind: ServedKind, { metadata }: DynamicObject, namespace: string | undefined): void {
  const { name, namespace: sent, labels, annotations } = metadata;
  if (sent !== undefined && sent !== '' && sent !== namespace) {
    throw new ApiError(
      'BadRequest',
      namespace === undefined
        ? `namespace is not allowed on this type: ${sent}`
        : `the namespace of the provided object (${sent}) does not match the namespace sent on the request (${namespace})`,
    );
  }
  if (name === '' && labels === undefined && annotations === undefined) return;
  const problem = kind.namespaced ? 'must be empty except for namespace' : 'must be empty';
  throw invalidObject(kind, name, [invalid('metadata', metadata, problem)]);
}

function servedKind(document: ReviewDocument): ServedKind {
  const { group, version, kind, namespaced } = document;
  const singular = kind.toLowerCase();
  return {
    group,
    version,
    plural: `${singular}s`,
    kind,
    namespaced,
    singular,
    listKind: `${kind}List`,
    shortNames: [],
    categories: [],
    verbs: ['create'],
    columns: [],
    definition: reviewVersion(document),
    subresources: [],
  };
}

export function textIn(record: unknown, field: string): string | undefined {
  const value = isRecord(record) ? record[field] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function textsIn(record: unknown, field: string): readonly string[] {
  const value = isRecord(record) ? record[field] : undefined;
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
