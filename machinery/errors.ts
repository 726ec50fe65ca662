/**
 * The one list of error reasons, and the errors that carry them.
 *
 * `ApiError` becomes a metav1.Status at the HTTP border and is rebuilt from one at the client's border, so that
 * code on both sides of a wire handles the same error. Source of reasons and codes: Kubernetes
 * apimachinery `metav1.StatusReason` and the API conventions, "Response Status Kind".
 */

/** Every reason an API answer may carry, with its HTTP status code. */
export const STATUS_CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  Conflict: 409,
  AlreadyExists: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

export type StatusReason = keyof typeof STATUS_CODES;

/** One field that was wrong: `field` is a JSON path such as `spec.ports[0].containerPort`. */
export interface StatusCause {
  reason: string;
  message: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** metav1.Status. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  /** `continue` where a list that was cut off can be gone on with all the same. */
  metadata: { continue?: string };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

export class ApiError extends Error {
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: StatusDetails | undefined;
  /** Where to go on with a list whose moment is gone. */
  readonly continue: string | undefined;

  constructor(
    reason: StatusReason,
    message: string,
    details?: StatusDetails,
    options?: ErrorOptions & { readonly continue?: string },
  ) {
    super(message, options);
    this.name = 'ApiError';
    this.reason = reason;
    this.code = STATUS_CODES[reason];
    this.details = details;
    this.continue = options?.continue;
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continue === undefined ? {} : { continue: this.continue },
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** Rebuilds the error a server answered with; an unknown reason falls back to the code's. */
export function apiErrorFromStatus(status: Status): ApiError {
  const reason = isStatusReason(status.reason) ? status.reason : reasonForCode(status.code);
  // Whatever calls itself a Status may have left its metadata out.
  const token = (status.metadata as Status['metadata'] | undefined)?.continue;
  return new ApiError(
    reason,
    status.message ?? `the server answered ${status.code}`,
    status.details,
    token === undefined ? {} : { continue: token },
  );
}

export function isStatusReason(text: string | undefined): text is StatusReason {
  return text !== undefined && Object.hasOwn(STATUS_CODES, text);
}

export function reasonForCode(code: number): StatusReason {
  for (const [reason, known] of Object.entries(STATUS_CODES)) {
    if (known === code && isStatusReason(reason)) return reason;
  }
  return code >= 500 ? 'InternalError' : 'BadRequest';
}

export function isApiError(error: unknown, ...reasons: readonly StatusReason[]): error is ApiError {
  return error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason));
}

/** `tasks.gantry.dev "hello" not found`, Kubernetes' wording. */
export function notFound(
  resource: { readonly group: string; readonly plural: string },
  name: string,
): ApiError {
  const qualified = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  return new ApiError('NotFound', `${qualified} "${name}" not found`, {
    name,
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.plural,
  });
}

/** `configmaps "x" is forbidden: <why>`, Kubernetes' wording. */
export function forbiddenObject(
  resource: { readonly group: string; readonly plural: string },
  name: string,
  why: string,
  causes?: StatusCause[],
): ApiError {
  const qualified = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  return new ApiError('Forbidden', `${qualified} "${name}" is forbidden: ${why}`, {
    name,
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.plural,
    ...(causes === undefined ? {} : { causes }),
  });
}

/**
 * What a store may say went wrong (04-store's promise): never hidden, never another error.
 * - `Conflict` is not here: a failed precondition is an answer, not an error.
 * - `Compacted`: the revision asked for is older than the oldest kept.
 * - `Unavailable`: closed, or the engine does not answer; trying again may help.
 * - `ReadOnly`: no room on the disk; reads go on, writes fail until there is room.
 * - `TooLarge`: one value is over the limit of every engine.
 * - `Corrupt`: the data contradicts its own checksums; refuse to go on.
 * - `Locked`: another process owns the file.
 */
export type StoreErrorReason = 'Compacted' | 'Unavailable' | 'ReadOnly' | 'TooLarge' | 'Corrupt' | 'Locked';

export class StoreError extends Error {
  readonly reason: StoreErrorReason;

  constructor(reason: StoreErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.reason = reason;
  }
}

/**
 * What a container runtime may say went wrong.
 * - `NotFound`: no such container. `ImageNotFound`: no such image here (or in the registry, for a pull).
 * - `Conflict`: the name is taken; `holderId` is the container that has it.
 * - `PortConflict`: a published port is taken by something else on the machine. `AddressConflict`: a subnet is.
 * - `InvalidSpec`: the engine refused the container's settings; the same settings will be refused again.
 * - `Unauthorized`: the registry wants other credentials. `RegistryUnavailable`: it does not answer, or the line broke.
 * - `Unavailable`: the engine does not answer. `Failed`: it answered with anything else.
 */
export type RuntimeErrorReason =
  | 'NotFound'
  | 'ImageNotFound'
  | 'Conflict'
  | 'PortConflict'
  | 'AddressConflict'
  | 'InvalidSpec'
  | 'Unauthorized'
  | 'RegistryUnavailable'
  | 'Unavailable'
  | 'Failed';

export class RuntimeError extends Error {
  readonly reason: RuntimeErrorReason;
  readonly holderId: string | undefined;

  constructor(reason: RuntimeErrorReason, message: string, options?: ErrorOptions & { holderId?: string }) {
    super(message, options);
    this.name = 'RuntimeError';
    this.reason = reason;
    this.holderId = options?.holderId;
  }
}

/** Trying again cannot help: a controller that meets it never retries the key until the object changes. */
export class TerminalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TerminalError';
  }
}

/** One person-readable line for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
