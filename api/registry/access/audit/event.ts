/** An audit event in Kubernetes' shape (audit.k8s.io/v1), and what of a request may be in one. */
import type { ApiError } from '../../../../machinery/errors.ts';
import type { Identity } from '../../../../machinery/identity.ts';
import { isRecord } from '../../../../machinery/json.ts';
import type { AccessRequest } from '../../types.ts';
import type { AuditLevel, AuditStage } from './policy.ts';

interface UserInfo {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Source: Kubernetes API reference, `audit.k8s.io/v1` Event. */
export interface AuditEvent {
  readonly kind: 'Event';
  readonly apiVersion: 'audit.k8s.io/v1';
  readonly level: AuditLevel;
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI?: string;
  readonly verb: string;
  readonly user: UserInfo;
  readonly impersonatedUser?: UserInfo;
  readonly sourceIPs?: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: Readonly<Record<string, unknown>>;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Whoever carries a secret or a token in its body: never more than metadata, whatever a policy says. */
const SECRETIVE: ReadonlySet<string> = new Set([
  '/secrets',
  '/serviceaccounts/token',
  'authentication.k8s.io/tokenreviews',
]);

export function cappedLevel(level: AuditLevel, request: AccessRequest | undefined): AuditLevel {
  if (request === undefined || level === 'None') return level;
  const { group, resource, subresource } = request;
  const isSecretive =
    SECRETIVE.has(`${group}/${resource}`) || SECRETIVE.has(`${group}/${resource}/${subresource ?? ''}`);
  return isSecretive ? 'Metadata' : level;
}

export function userInfo({ name, uid, groups, extra }: Identity): UserInfo {
  return {
    username: name,
    ...(uid === undefined || uid === '' ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}

export function objectRef(request: AccessRequest): Readonly<Record<string, string>> {
  const { group, version, resource, subresource, namespace, name } = request;
  const ref: Record<string, string> = { resource };
  if (namespace !== undefined) ref['namespace'] = namespace;
  if (name !== undefined) ref['name'] = name;
  if (group !== '') ref['apiGroup'] = group;
  if (version !== undefined) ref['apiVersion'] = version;
  if (subresource !== undefined) ref['subresource'] = subresource;
  return ref;
}

/** Messages of these name values they found in a body, which may be secret. */
const TELLING: ReadonlySet<string> = new Set(['Invalid', 'BadRequest', 'InternalError']);

export function statusOf(error: ApiError): Readonly<Record<string, unknown>> {
  return {
    metadata: {},
    status: 'Failure',
    reason: error.reason,
    code: error.code,
    ...(TELLING.has(error.reason) ? {} : { message: error.message }),
  };
}

/** An object as an event holds it: without managedFields where the policy says so. */
export function withoutManagedFields(object: unknown): unknown {
  if (!isRecord(object)) return object;
  if (Array.isArray(object['items'])) return { ...object, items: object['items'].map(withoutManagedFields) };
  if (!isRecord(object['metadata']) || object['metadata']['managedFields'] === undefined) return object;
  const { managedFields: _left, ...metadata } = object['metadata'];
  return { ...object, metadata };
}
