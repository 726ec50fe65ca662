/**
 * What came of one question to a container. An answer that says nothing about the container (the engine did not answer,
 * this worker had no time, a setting that names nothing) is `unknown` and counts neither way, as in Kubernetes.
 */
export type Answer =
  | { readonly kind: 'success' }
  /** Counts as success; the message becomes an Event. */
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'failure'; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

export const success: Answer = { kind: 'success' };

/** Bytes of an answer's text that are looked at and told (Kubernetes reads as much of a body and of an output). */
export const MAX_ANSWER_BYTES = 10 * 1024;
