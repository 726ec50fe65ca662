/**
 * `serviceaccounts/token` (`kubectl create token`): a token bound to one service account, by its uid, and to a Secret
 * if wanted; it proves nothing once one of them is gone.
 * Source: Kubernetes documentation, "Managing Service Accounts"; rules and wording as the apiserver's TokenRequest.
 */
import { type Clock, timestamp } from '../../../machinery/clock.ts';
import { ApiError, notFound } from '../../../machinery/errors.ts';
import { serviceAccountName } from '../../../machinery/identity.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { DynamicObject, ObjectKey } from '../../../machinery/meta.ts';
import { type ObjectRef, TOKEN_AUDIENCE, type TokenAuthority } from '../../../net/tokens.ts';
import { tokenRequestSpec } from '../../../schemas/authentication.k8s.io/reviews.ts';
import type { Surroundings } from '../access/restrictions.ts';
import { type FieldProblem, invalid, invalidObject } from '../admission/fielderrors.ts';
import { conformValue } from '../admission/structural.ts';
import { compileValidator } from '../admission/validation.ts';
import type { ServedKind } from '../types.ts';
import { textIn, textsIn } from './review.ts';

const SERVICE_ACCOUNTS = { group: '', plural: 'serviceaccounts' };
const SECRETS = { group: '', plural: 'secrets' };
const KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const API_VERSION = 'authentication.k8s.io/v1';
const DEFAULT_SECONDS = 3_600;
const LEAST_SECONDS = 600;
const MOST_SECONDS = 2 ** 32;

export interface TokenRequestParts {
  /** Undefined: this server makes no tokens. */
  readonly authority: TokenAuthority | undefined;
  readonly surroundings: Surroundings;
  readonly clock: Clock;
}

export class TokenRequests {
  readonly #parts: TokenRequestParts;
  readonly #validator = compileValidator(
    { type: 'object', properties: { spec: tokenRequestSpec } },
    'tokenrequests',
  );

  constructor(parts: TokenRequestParts) {
    this.#parts = parts;
  }

  /** The body with its token in it; a dry run makes none, and leaves its place empty. Throws `ApiError`. */
  async issue(key: ObjectKey, body: unknown, isDryRun: boolean): Promise<DynamicObject> {
    const { authority } = this.#parts;
    if (authority === undefined) throw new ApiError('ServiceUnavailable', 'this server makes no tokens');
    const { name, namespace = '' } = key;
    const spec = this.#readSpec(body);
    const account = this.#parts.surroundings.find(SERVICE_ACCOUNTS, key);
    if (account === undefined) throw notFound(SERVICE_ACCOUNTS, name);
    const audiences = textsIn(spec, 'audiences');
    const wanted = audiences.length === 0 ? [TOKEN_AUDIENCE] : audiences;
    const secret = this.#boundSecret(namespace, spec['boundObjectRef']);
    const seconds =
      typeof spec['expirationSeconds'] === 'number' ? spec['expirationSeconds'] : DEFAULT_SECONDS;
    const claims = {
      user: serviceAccountName(namespace, name),
      groups: [],
      audiences: wanted,
      bound: {
        namespace,
        serviceAccount: { name, uid: account.metadata.uid ?? '' },
        ...(secret === undefined ? {} : { secret }),
      },
    };
    const { token, expiresAt } = isDryRun
      ? { token: '', expiresAt: authority.endOf(seconds) }
      : await authority.sign(claims, seconds);
    return {
      apiVersion: API_VERSION,
      kind: KIND.kind,
      metadata: { name, namespace, creationTimestamp: timestamp(this.#parts.clock.now()) },
      spec: { ...spec, audiences: wanted, expirationSeconds: seconds },
      status: { token, expirationTimestamp: timestamp(expiresAt * 1000) },
    };
  }

  #readSpec(body: unknown): Readonly<Record<string, unknown>> {
    const { apiVersion, kind } = isRecord(body) ? body : {};
    if (!isRecord(body) || apiVersion !== API_VERSION || kind !== KIND.kind) {
      throw new ApiError(
        'BadRequest',
        `the body must be a ${KIND.kind} of ${API_VERSION}, found ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}`,
      );
    }
    const problems: FieldProblem[] = [...this.#validator.problems({ spec: body['spec'] ?? {} }, undefined)];
    if (problems.length > 0) throw invalidObject(KIND, '', problems);
    const { value } = conformValue(tokenRequestSpec, body['spec'] ?? {});
    const spec = isRecord(value) ? value : {};
    const seconds = spec['expirationSeconds'];
    const field = 'spec.expirationSeconds';
    if (typeof seconds === 'number' && seconds < LEAST_SECONDS)
      problems.push(invalid(field, seconds, 'may not specify a duration less than 10 minutes'));
    if (typeof seconds === 'number' && seconds > MOST_SECONDS)
      problems.push(invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
    if (problems.length > 0) throw invalidObject(KIND, '', problems);
    return spec;
  }

  #boundSecret(namespace: string, ref: unknown): ObjectRef | undefined {
    if (!isRecord(ref)) return undefined;
    const apiVersion = textIn(ref, 'apiVersion') ?? '';
    const kind = textIn(ref, 'kind') ?? '';
    const name = textIn(ref, 'name') ?? '';
    if (apiVersion !== 'v1' || kind !== 'Secret') {
      throw new ApiError('BadRequest', `cannot bind token to object of type ${apiVersion}, Kind=${kind}`);
    }
    const secret = this.#parts.surroundings.find(SECRETS, { namespace, name });
    if (secret === undefined) throw notFound(SECRETS, name);
    const { uid = '' } = secret.metadata;
    const wanted = textIn(ref, 'uid');
    if (wanted !== undefined && wanted !== uid) {
      throw new ApiError(
        'Conflict',
        `Operation cannot be fulfilled on Secret "${name}": the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`,
        { name, kind: 'Secret' },
      );
    }
    return { name, uid };
  }
}

/** The subresource that `TokenRequests` answers. */
export function isTokenRequest({ kind }: { readonly kind: ServedKind }, subresource: string): boolean {
  return kind.group === '' && kind.plural === SERVICE_ACCOUNTS.plural && subresource === 'token';
}
