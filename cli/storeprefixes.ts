/** Which keys of the store are treated apart. */

/** Encrypted when they are written. */
export const ENCRYPTED_PREFIXES = ['/registry/core/secrets/'];
/** Signs of life and reports: their past is kept for minutes only. */
export const TRANSIENT_PREFIXES = ['/registry/coordination.k8s.io/leases/', '/registry/core/events/'];
