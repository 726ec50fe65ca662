/**
 * Who may do what: RBAC first, then what restricts some groups on top of it, then who may grant what. Synchronous, on
 * the caches. Members of system:masters may do everything, whatever the RBAC objects say.
 * Source: Kubernetes documentation, "Using RBAC Authorization"; wording of the refusals as the apiserver's.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity } from '../../../machinery/identity.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { AccessRequest } from '../types.ts';
import { devRestriction } from './devaccess.ts';
import { refuseEscalation } from './granting.ts';
import { keyRestriction } from './keys/keyaccess.ts';
import type { WriteToJudge } from './policy.ts';
import { type HeldRules, RbacIndex, type RbacSource } from './rbacindex.ts';
import type { Restriction, Surroundings } from './restrictions.ts';
import { originRefusal } from './runorigins.ts';
import { workerRestriction } from './workeraccess.ts';

const RESTRICTIONS: readonly Restriction[] = [workerRestriction, devRestriction];

export interface Verdict {
  readonly isAllowed: boolean;
  /** Why, as far as RBAC or a restriction says it; made when it is read. */
  readonly reason: () => string;
}

/** What an allowed request gets to see. */
export interface Passage {
  /** Which objects are there for the caller; undefined is all of them. */
  readonly visible: ((object: DynamicObject) => boolean) | undefined;
}

const EVERYTHING: Passage = { visible: undefined };
const OF_MASTERS: Verdict = { isAllowed: true, reason: () => '' };

export class Authorizer {
  readonly #rbac: RbacIndex;
  readonly #surroundings: Surroundings;

  constructor(source: RbacSource, surroundings: Surroundings) {
    this.#rbac = new RbacIndex(source);
    this.#surroundings = surroundings;
  }

  /** Throws `Forbidden` when the request is not allowed. */
  check(identity: Identity, asked: AccessRequest): Passage {
    if (isMaster(identity)) return EVERYTHING;
    const request = asRequested(asked);
    const verdict = this.evaluate(identity, request);
    if (!verdict.isAllowed) {
      const face = faceOf(request);
      if (face === undefined) throw forbiddenRequest(identity, request, verdict.reason());
      const ofFace = this.evaluate(identity, face);
      if (!ofFace.isAllowed) throw forbiddenRequest(identity, face, ofFace.reason());
    }
    const sights = [keyRestriction, ...restrictionsOf(identity)].flatMap(
      (restriction) => restriction.visible?.(identity, request, this.#surroundings) ?? [],
    );
    const [sight] = sights;
    if (sight === undefined) return EVERYTHING;
    return { visible: sights.length === 1 ? sight : (object) => sights.every((sees) => sees(object)) };
  }

  /** Whether `check` will answer from objects that must be as they are now, whichever server wrote them. */
  needsPresent(identity: Identity, request: AccessRequest): boolean {
    return (
      !isMaster(identity) &&
      restrictionsOf(identity).some(({ needsPresent }) => needsPresent?.(request) === true)
    );
  }

  /** The same question without an answer's consequences, and of exactly what is asked: for reviews. */
  evaluate(identity: Identity, request: AccessRequest): Verdict {
    if (isMaster(identity)) return OF_MASTERS;
    const verdict = this.#rbac.resource(identity, request);
    if (!verdict.isAllowed) return verdict;
    for (const restriction of restrictionsOf(identity)) {
      const reason = restriction.outOfReach?.(identity, request, this.#surroundings);
      if (reason !== undefined) return { isAllowed: false, reason: () => reason };
    }
    return verdict;
  }

  evaluatePath(identity: Identity, verb: string, path: string): Verdict {
    return isMaster(identity) ? OF_MASTERS : this.#rbac.path(identity, verb, path);
  }

  /** Throws `Forbidden` when something speaks against this very write. */
  judge(write: WriteToJudge): void {
    const { identity, request, before, after } = write;
    if (isMaster(identity)) return;
    for (const restriction of [keyRestriction, ...restrictionsOf(identity)]) {
      const reason = restriction.refusal?.(write, this.#surroundings);
      if (reason !== undefined) throw forbidden(request, reason);
    }
    if (request.group === 'rbac.authorization.k8s.io' && after !== undefined) {
      refuseEscalation(this, this.#rbac, identity, request, before, after);
    }
    if (after === undefined) return;
    const isAllowed = (other: AccessRequest): boolean => this.evaluate(identity, other).isAllowed;
    const refusal = originRefusal(identity, isAllowed, request, before, after);
    if (refusal !== undefined) throw forbidden(request, refusal);
  }

  checkPath(identity: Identity, verb: string, path: string): void {
    const verdict = this.evaluatePath(identity, verb, path);
    if (verdict.isAllowed) return;
    const reason = verdict.reason();
    throw new ApiError(
      'Forbidden',
      `forbidden: User ${JSON.stringify(identity.name)} cannot ${verb} path ${JSON.stringify(path)}${reason === '' ? '' : `: ${reason}`}`,
      {},
    );
  }

  /** The rules somebody has in a namespace, as far as rules can say it. */
  rulesOf(identity: Identity, namespace: string): HeldRules {
    return this.#rbac.rulesOf(identity, namespace);
  }
}

export function isMaster(identity: Identity): boolean {
  return identity.groups.includes(GROUP_MASTERS);
}

/** Whether there is more to what somebody may do than rules can say; that the keys are nobody's is not worth telling. */
export function isRestricted(identity: Identity): boolean {
  return !isMaster(identity) && restrictionsOf(identity).length > 0;
}

/** The same request under the name of the view it came through. */
function faceOf({ face, ...request }: AccessRequest): AccessRequest | undefined {
  if (face === undefined) return undefined;
  const { subresource: ofObject, ...rest } = request;
  const subresource = face.subresource === undefined ? ofObject : (face.subresource ?? undefined);
  return {
    ...rest,
    ...(subresource === undefined ? {} : { subresource }),
    group: face.group,
    resource: face.resource,
    verb: face.verb ?? request.verb,
  };
}

function restrictionsOf(identity: Identity): readonly Restriction[] {
  return RESTRICTIONS.filter(({ group }) => identity.groups.includes(group));
}

const COLLECTIVE: ReadonlySet<string> = new Set(['create', 'list', 'watch', 'deletecollection']);

/**
 * The request as its path says it. A new object's name and the names in a collection are not part of it, so that no
 * rule for certain names allows making an object or emptying a collection; a namespace itself is within itself, so
 * that a role in a namespace can allow reading that one.
 */
function asRequested(request: AccessRequest): AccessRequest {
  const { verb, group, resource, subresource, name } = request;
  if (name === undefined) return request;
  if ((verb === 'create' && subresource === undefined) || verb === 'deletecollection') {
    const { name: _name, ...rest } = request;
    return rest;
  }
  const isNamespace = group === '' && resource === 'namespaces';
  return isNamespace && (subresource !== undefined || !COLLECTIVE.has(verb))
    ? { ...request, namespace: name }
    : request;
}

/** `tasks.gantry.dev "hello" is forbidden: User "dev" cannot delete resource "tasks" in API group "gantry.dev" in the namespace "default"`. */
export function forbiddenRequest(identity: Identity, request: AccessRequest, reason: string): ApiError {
  const { verb, group, resource, subresource, namespace } = request;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where =
    namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const problem = `User ${JSON.stringify(identity.name)} cannot ${verb} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${where}`;
  return forbidden(request, reason === '' ? problem : `${problem}: ${reason}`);
}

/** `tasks.gantry.dev "hello" is forbidden: …`. */
export function forbidden(request: AccessRequest, problem: string): ApiError {
  const { group, resource, name } = request;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  return new ApiError(
    'Forbidden',
    `${qualified}${name === undefined ? '' : ` ${JSON.stringify(name)}`} is forbidden: ${problem}`,
    { ...(name === undefined ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource },
  );
}
