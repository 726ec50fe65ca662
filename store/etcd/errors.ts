/**
 * What went wrong between us and etcd, in our words: gRPC's status and etcd's text become a `Fault`, which says what to
 * do next and carries the `StoreError` that the caller gets when nothing helps. Every message is one sentence that names
 * the endpoint, what was found, and the next step.
 *
 * Source of the texts: etcd v3.4 `rpctypes/error.go`; of the codes: gRPC's status codes.
 */
import { type ServiceError, status } from '@grpc/grpc-js';
import { StoreError, type StoreErrorReason } from '../../machinery/errors.ts';

/** A write of which nobody can say whether it was made: read before writing again. */
export class UncertainWriteError extends StoreError {
  constructor(message: string, options?: ErrorOptions) {
    super('Unavailable', message, options);
    this.name = 'UncertainWriteError';
  }
}

export interface Fault {
  /**
   * - `elsewhere`: this member cannot, another one may, or this one later. `token`: a new token, then again.
   * - `never`: asking again cannot help.
   */
  readonly remedy: 'elsewhere' | 'token' | 'never';
  /** The request certainly changed nothing. */
  readonly isUndone: boolean;
  /** The member said nothing at all. */
  readonly isSilence: boolean;
  /** The member itself said why: worth more to a reader than that others cannot be reached. */
  readonly isRefusal: boolean;
  /** Of this member no other answer will come until somebody sets something right. */
  readonly isLasting: boolean;
  readonly error: StoreError;
}

/** How a call ended before etcd said anything. */
export class SilenceError extends Error {
  readonly afterMs: number;

  constructor(afterMs: number) {
    super(`no answer within ${afterMs} ms`);
    this.name = 'SilenceError';
    this.afterMs = afterMs;
  }
}

/** The members behind our endpoints must be one cluster, the same as long as we run. */
export class ForeignClusterError extends Error {}

const MOST_TEXT = 300;

interface Rule {
  readonly text: RegExp;
  readonly remedy: Fault['remedy'];
  readonly isUndone: boolean;
  readonly reason: StoreErrorReason;
  readonly words: (where: string, text: string) => string;
}

/** In order; the first text that matches. */
const RULES: readonly Rule[] = [
  {
    text: /required revision has been compacted/,
    remedy: 'never',
    isUndone: true,
    reason: 'Compacted',
    words: () => 'etcd has compacted the revision asked for: read again without a revision',
  },
  {
    text: /required revision is a future revision/,
    remedy: 'never',
    isUndone: true,
    reason: 'Unavailable',
    words: () => 'etcd has not written the revision asked for yet: try again later',
  },
  {
    text: /database space exceeded/,
    remedy: 'never',
    isUndone: true,
    reason: 'ReadOnly',
    words: (where) =>
      `etcd at ${where} has used up its space quota and refuses writes: compact and defragment it or raise --quota-backend-bytes, then run etcdctl alarm disarm`,
  },
  {
    text: /request is too large|larger than max|too many operations/,
    remedy: 'never',
    isUndone: true,
    reason: 'TooLarge',
    words: (where, text) =>
      `etcd at ${where} refuses a request of this size (${text}): write less at once, or raise its --max-request-bytes or --max-txn-ops`,
  },
  {
    text: /corrupt cluster|CORRUPT/,
    remedy: 'never',
    isUndone: true,
    reason: 'Corrupt',
    words: (where, text) =>
      `etcd at ${where} says its own data is damaged (${text}): restore it from a snapshot or replace the damaged member`,
  },
  {
    text: /invalid auth token|revision of auth store is old/,
    remedy: 'token',
    isUndone: true,
    reason: 'Unavailable',
    words: (where) => `etcd at ${where} does not take its own token any more: try again`,
  },
  {
    text: /invalid user ID or password/,
    remedy: 'never',
    isUndone: true,
    reason: 'Unavailable',
    words: (where) => `etcd at ${where} refuses the user name or the password: give the right ones`,
  },
  {
    text: /user name is empty|user name not found/,
    remedy: 'never',
    isUndone: true,
    reason: 'Unavailable',
    words: (where) => `etcd at ${where} wants a user and a password: give both`,
  },
  {
    text: /permission denied/,
    remedy: 'never',
    isUndone: true,
    reason: 'Unavailable',
    words: (where) =>
      `etcd at ${where} does not let this user at these keys: grant its role readwrite on the whole prefix (etcdctl role grant-permission)`,
  },
  {
    text: /no leader|leader changed|too many requests|not capable|not supported for learner/,
    remedy: 'elsewhere',
    isUndone: true,
    reason: 'Unavailable',
    words: (where, text) =>
      `etcd at ${where} cannot answer now (${text}): it goes on by itself as soon as most of its members are up and see each other`,
  },
  {
    text: /request timed out/,
    remedy: 'elsewhere',
    isUndone: false,
    reason: 'Unavailable',
    words: (where, text) =>
      `etcd at ${where} did not get most of its members to agree in time (${text}): see that they are up and that their disks keep up`,
  },
];

const TLS_TEXT =
  /certificate|altnames|SSL|TLS|EPROTO|wrong version number|unable to verify|handshake|alert|secure/i;

/** A connection that never was: what the channel says of its last try. */
function unreachable(where: string, text: string): string {
  const found = /Last error: (.*?)\. Resolution note/s.exec(text)?.[1] ?? text;
  if (/altnames/.test(found)) {
    return `the certificate of etcd at ${where} is for other names (${found}): use a name that it has, or give etcd a certificate with this one`;
  }
  if (/expired/.test(found)) {
    return `the certificate of etcd at ${where} is out of date (${found}): renew it, or set this machine's clock right`;
  }
  if (/self.signed|unable to (?:verify|get)/i.test(found)) {
    return `the certificate of etcd at ${where} is not signed by an authority known here (${found}): give the certificate of etcd's own authority`;
  }
  if (TLS_TEXT.test(found)) {
    return `etcd at ${where} and this side do not agree on TLS (${found}): see that both use it, and that our certificate is from an authority which etcd trusts`;
  }
  return `etcd at ${where} cannot be reached (${found}): see that it runs, that the address is right, and whether it wants TLS`;
}

/**
 * @param wasSent whether the request may have left; with false nothing was changed, whatever the error says.
 */
export function faultOf(error: unknown, where: string, wasSent: boolean): Fault {
  const verdict = judge(error, where, wasSent);
  const isLasting =
    error instanceof ForeignClusterError || /\bcertificate of etcd\b|on TLS/.test(verdict.error.message);
  const isRefusal = isServiceError(error) && RULES.some(({ text }) => text.test(error.details));
  return { ...verdict, isSilence: error instanceof SilenceError, isRefusal, isLasting };
}

function judge(
  error: unknown,
  where: string,
  wasSent: boolean,
): Pick<Fault, 'remedy' | 'isUndone' | 'error'> {
  if (error instanceof ForeignClusterError) {
    return { remedy: 'elsewhere', isUndone: true, error: storeError('Unavailable', error.message, error) };
  }
  if (error instanceof SilenceError) {
    const words = `etcd at ${where} did not answer within ${error.afterMs} ms: see that it runs, is not overloaded, and has most of its members`;
    return { remedy: 'elsewhere', isUndone: !wasSent, error: storeError('Unavailable', words, error) };
  }
  if (!isServiceError(error)) throw error;
  const text = error.details.slice(0, MOST_TEXT);
  const rule = RULES.find((candidate) => candidate.text.test(text));
  if (rule !== undefined) {
    const words = rule.words(where, text.replace(/^etcdserver: /, ''));
    return {
      remedy: rule.remedy,
      isUndone: rule.isUndone || !wasSent,
      error: storeError(rule.reason, words, error),
    };
  }
  if (error.code === status.UNAVAILABLE && /^No connection established|^Name resolution failed/.test(text)) {
    return {
      remedy: 'elsewhere',
      isUndone: true,
      error: storeError('Unavailable', unreachable(where, text), error),
    };
  }
  if (error.code === status.UNIMPLEMENTED) {
    const words = `what answers at ${where} is not etcd 3.4 or later (${text}): give the address of etcd's client port`;
    return { remedy: 'never', isUndone: true, error: storeError('Unavailable', words, error) };
  }
  if (error.code === status.INVALID_ARGUMENT || error.code === status.FAILED_PRECONDITION) {
    const words = `etcd at ${where} refuses the request (${text}): this is a fault of Gantry, report it with this text`;
    return { remedy: 'never', isUndone: true, error: storeError('Unavailable', words, error) };
  }
  const words = `the connection to etcd at ${where} broke (${text}): see that it runs`;
  return { remedy: 'elsewhere', isUndone: !wasSent, error: storeError('Unavailable', words, error) };
}

/** An answer for all that: etcd of late lets not every user ask for its status. */
export function isAccessRefused(error: unknown): boolean {
  return (
    isServiceError(error) &&
    (error.code === status.PERMISSION_DENIED ||
      error.code === status.UNAUTHENTICATED ||
      /user name is empty/.test(error.details))
  );
}

/** What the maker of a write is told when it may not be tried again. */
export function uncertain(error: StoreError): UncertainWriteError {
  return new UncertainWriteError(
    `${error.message}; the write may have been made: read before you write again`,
    {
      cause: error,
    },
  );
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && typeof error.details === 'string';
}

function storeError(reason: StoreErrorReason, message: string, cause: unknown): StoreError {
  return new StoreError(reason, message, { cause });
}
