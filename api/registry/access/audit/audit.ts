/**
 * The audit: who asked what, of which object, when, and how it ended, as Kubernetes' audit events at the levels of a
 * policy. Calls of the registry tell it themselves, whoever made them and through whichever door; the server tells what
 * never got there (paths, streams, requests of nobody).
 *
 * Never a secret's content: bodies of what carries secrets or tokens are in no event, whatever the policy says, and
 * neither are messages that repeat values of a body.
 */
import { type Clock, microTimestamp } from '../../../../machinery/clock.ts';
import type { ApiError } from '../../../../machinery/errors.ts';
import type { Identity } from '../../../../machinery/identity.ts';
import { isRecord } from '../../../../machinery/json.ts';
import { ANNOTATION_TASK_ID, ANNOTATION_TRACE } from '../../../../machinery/labels.ts';
import type { Log } from '../../../../machinery/log.ts';
import type { Random } from '../../../../machinery/random.ts';
import { currentTrace, type Trace } from '../../../../machinery/trace.ts';
import type { AccessRequest, RequestContext, RequestOrigin } from '../../types.ts';
import {
  type AuditEvent,
  cappedLevel,
  objectRef,
  statusOf,
  userInfo,
  withoutManagedFields,
} from './event.ts';
import {
  type AuditLevel,
  type AuditPolicy,
  type AuditStage,
  type PolicyRuleOfAudit,
  ruleFor,
} from './policy.ts';
import type { AuditSink } from './trail.ts';

export interface AuditParts {
  readonly policy: AuditPolicy;
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What was asked for: something of the registry, or a path. */
export type AuditTarget =
  | { readonly request: AccessRequest }
  | { readonly verb: string; readonly path: string };

/** How it ended. */
export type AuditOutcome =
  | { readonly code: number; readonly responseObject?: unknown }
  | { readonly error: ApiError };

export class Audit {
  readonly #parts: AuditParts;

  constructor(parts: AuditParts) {
    this.#parts = parts;
  }

  /** Undefined when nothing of this request is to be told, whatever becomes of it. Cheap: asked for every call. */
  begin(context: RequestContext, target: AuditTarget, requestObject?: unknown): AuditedCall | undefined {
    const call = this.#call(context, target, requestObject);
    call?.tell('RequestReceived');
    return call;
  }

  #call(context: RequestContext, target: AuditTarget, requestObject?: unknown): AuditedCall | undefined {
    const { policy, clock } = this.#parts;
    const who = context.impersonator ?? context.identity;
    const rule = ruleFor(policy, {
      user: who.name,
      groups: who.groups,
      ...('request' in target
        ? { verb: target.request.verb, target: target.request }
        : { verb: target.verb, target: { path: target.path } }),
    });
    if (rule === undefined && !policy.tellsRefusals) return undefined;
    return new AuditedCall(this.#parts, context, target, rule, requestObject, clock.now());
  }

  /** A request that did not get to the registry. `context` undefined: of nobody. */
  request(
    context: RequestContext | undefined,
    origin: RequestOrigin,
    target: AuditTarget,
    outcome: AuditOutcome,
  ): void {
    const whoever = context ?? { identity: { name: '', groups: [] }, origin };
    const call = origin.told === 'beginning' ? this.#call(whoever, target) : this.begin(whoever, target);
    call?.end(outcome);
  }

  close(): Promise<void> {
    return this.#parts.sink.close();
  }
}

/** One call from its beginning to its end. */
export class AuditedCall {
  readonly #parts: AuditParts;
  readonly #context: RequestContext;
  readonly #target: AuditTarget;
  readonly #rule: PolicyRuleOfAudit | undefined;
  readonly #requestObject: unknown;
  readonly #startMs: number;
  #auditId: string | undefined;

  constructor(
    parts: AuditParts,
    context: RequestContext,
    target: AuditTarget,
    rule: PolicyRuleOfAudit | undefined,
    requestObject: unknown,
    startMs: number,
  ) {
    this.#parts = parts;
    this.#context = context;
    this.#target = target;
    this.#rule = rule;
    this.#requestObject = requestObject;
    this.#startMs = startMs;
  }

  end(outcome: AuditOutcome, stage: AuditStage = 'ResponseComplete'): void {
    if ('error' in outcome && isRefusal(outcome.error)) this.#warn(outcome.error);
    this.tell(stage, outcome);
  }

  tell(stage: AuditStage, outcome?: AuditOutcome): void {
    const refusal = outcome !== undefined && 'error' in outcome && isRefusal(outcome.error);
    const rule = this.#rule;
    if (rule === undefined ? !(this.#parts.policy.tellsRefusals && refusal) : rule.omitStages.includes(stage))
      return;
    this.#parts.sink.write(this.#event(stage, outcome));
  }

  #event(stage: AuditStage, outcome: AuditOutcome | undefined): AuditEvent {
    const { clock, random } = this.#parts;
    const { identity, impersonator, origin, userAgent } = this.#context;
    const target = this.#target;
    const request = 'request' in target ? target.request : undefined;
    const level = cappedLevel(this.#rule?.level ?? 'Metadata', request);
    this.#auditId ??= origin?.auditId ?? currentTrace()?.requestId ?? random.uuid();
    const who = impersonator ?? identity;
    // Assigned one by one in the order they are read: this is done for every audited request.
    const event: { -readonly [Field in keyof AuditEvent]: AuditEvent[Field] } = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level,
      auditID: this.#auditId,
      stage,
      verb: request === undefined && 'verb' in target ? target.verb : (request?.verb ?? ''),
      user: who.name === '' ? {} : knownUser(who),
      requestReceivedTimestamp: microTimestamp(origin?.receivedMs ?? this.#startMs),
      stageTimestamp: microTimestamp(clock.now()),
    };
    if (origin !== undefined) {
      event.requestURI = origin.uri;
      event.sourceIPs = origin.sourceIps;
    }
    if (impersonator !== undefined) event.impersonatedUser = knownUser(identity);
    if (userAgent !== undefined) event.userAgent = userAgent;
    if (request !== undefined) event.objectRef = objectRef(request);
    if (outcome !== undefined) {
      event.responseStatus =
        'error' in outcome ? statusOf(outcome.error) : { metadata: {}, code: outcome.code };
    }
    const trace = currentTrace();
    if (trace !== undefined) event.annotations = idsOf(trace);
    if (level !== 'Metadata') this.#addBodies(event, level, outcome);
    return event;
  }

  #addBodies(
    event: { requestObject?: unknown; responseObject?: unknown },
    level: AuditLevel,
    outcome: AuditOutcome | undefined,
  ): void {
    const shown = (object: unknown): unknown =>
      this.#rule?.omitManagedFields === true ? withoutManagedFields(object) : object;
    if (this.#requestObject !== undefined) event.requestObject = shown(this.#requestObject);
    if (level === 'RequestResponse' && outcome !== undefined && 'code' in outcome) {
      event.responseObject = shown(objectIn(outcome.responseObject));
    }
  }

  /** Refusals are said in the log too: of Gantry's own loops they mean that a role is missing. */
  #warn(error: ApiError): void {
    const { identity, impersonator } = this.#context;
    this.#parts.log.warn(
      {
        user: identity.name,
        ...(impersonator === undefined ? {} : { impersonator: impersonator.name }),
        why: error.message,
      },
      'refused',
    );
  }
}

/** By which log, objects and whoever dispatched the work are found. */
function idsOf({ traceId, work }: Trace): Record<string, string> {
  return work?.taskId === undefined
    ? { [ANNOTATION_TRACE]: traceId }
    : { [ANNOTATION_TRACE]: traceId, [ANNOTATION_TASK_ID]: work.taskId };
}

/** Identities stay the same from request to request: of a connection, a controller. */
const users = new WeakMap<Identity, AuditEvent['user']>();

function knownUser(identity: Identity): AuditEvent['user'] {
  let user = users.get(identity);
  if (user === undefined) users.set(identity, (user = userInfo(identity)));
  return user;
}

function isRefusal(error: ApiError): boolean {
  return error.reason === 'Forbidden' || error.reason === 'Unauthorized';
}

/** What a call of the registry answered with, as an object: its own, or that of what was stored. */
function objectIn(answer: unknown): unknown {
  if (!isRecord(answer)) return undefined;
  const { stored, items } = answer;
  if (isRecord(stored)) return stored['object'];
  if (Array.isArray(items)) {
    const objects: unknown[] = items.map((item: unknown) => (isRecord(item) ? item['object'] : item));
    return { kind: 'List', apiVersion: 'v1', items: objects };
  }
  return answer['object'] ?? answer;
}
