/**
 * Who may connect to the job runner: TLS 1.3 alone, with a client certificate that the cluster's authority has signed,
 * that is good now, made for clients, and as strong as ECDSA P-256 with SHA-256 all the way up. Nobody connects where
 * there is no authority.
 *
 * Chain and dates are OpenSSL's to check, in the handshake; what it would let pass is `peerProblem`'s.
 */
import { constants, type KeyObject, type X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { TlsMaterial } from '../../server/listener.ts';

/** All suites of TLS 1.3 that everybody has; each of them is an AEAD. */
export const CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';
/** What a client may sign its handshake with, and an authority its certificates: nothing with SHA-1. */
const SIGNATURES = [
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'ed25519',
  'ed448',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
].join(':');

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
/** Of one strength each. */
const STRONG_KEYS: ReadonlySet<string> = new Set(['ed25519', 'ed448']);
/** As strong as P-256 (NIST SP 800-57, table 2). */
const LEAST_RSA_BITS = 3072;
const STRONG_HASH = /sha-?(?:256|384|512)|^ed(?:25519|448)$/i;
/** Longer chains are no cluster's. */
const LONGEST_CHAIN = 8;

/** What makes handshakes; also for those after a renewal. */
export function secureContext({ cert, key, ca }: TlsMaterial): SecureContextOptions {
  return {
    cert,
    key,
    // A list, also an empty one: without any, the authorities of the whole world would be believed.
    ca: ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [],
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    sigalgs: SIGNATURES,
    // An earlier session would stand for the certificate, also one that has expired since.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

/** Why a client that has shown this certificate is not served; undefined: it is. */
export function peerProblem(certificate: X509Certificate | undefined): string | undefined {
  if (certificate === undefined) return 'it has no certificate';
  if (!(certificate.keyUsage ?? []).includes(CLIENT_AUTH)) {
    return 'its certificate is not made for clients: wanted the extended key usage clientAuth';
  }
  let link: X509Certificate | undefined = certificate;
  for (let depth = 0; link !== undefined; depth++) {
    if (depth >= LONGEST_CHAIN) return `its chain has more than ${LONGEST_CHAIN} certificates`;
    const problem = weakness(link);
    if (problem !== undefined) return `the certificate of ${oneLine(link.subject)} ${problem}`;
    link = link.issuerCertificate;
  }
  return undefined;
}

function weakness(certificate: X509Certificate): string | undefined {
  const { publicKey, signatureAlgorithm = 'an unknown algorithm' } = certificate;
  const key = keyWeakness(publicKey);
  if (key !== undefined) return `has ${key}; wanted ECDSA P-256 or better`;
  return STRONG_HASH.test(signatureAlgorithm)
    ? undefined
    : `is signed with ${signatureAlgorithm}; wanted SHA-256 or better`;
}

function keyWeakness({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { namedCurve = '', modulusLength = 0 } = asymmetricKeyDetails ?? {};
  const type: string = asymmetricKeyType ?? 'unknown';
  if (STRONG_KEYS.has(type)) return undefined;
  if (type === 'ec') return CURVES.has(namedCurve) ? undefined : `a key on the curve ${namedCurve}`;
  if (!type.startsWith('rsa')) return `a key of type ${type}`;
  return modulusLength >= LEAST_RSA_BITS ? undefined : `an RSA key of ${modulusLength} bits`;
}

function oneLine(subject: string | undefined): string {
  return (subject ?? '').replaceAll('\n', ', ');
}
