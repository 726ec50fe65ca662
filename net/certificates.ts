/**
 * Making and reading X.509 certificates: ECDSA P-256 with SHA-256, nothing else.
 *
 * `@peculiar/x509` makes them (node:crypto cannot); node:crypto reads and checks them.
 */
import 'reflect-metadata';
import { createPrivateKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Random } from '../machinery/random.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/**
 * A certificate is good from before it was made: machines' clocks differ, and one that ran ahead when a cluster was made
 * (a wrong time zone in the hardware clock is hours) must not lock its administrator out when it is put right.
 */
const BACKDATE_MS = DAY_MS;

/** PEM, both. */
export interface Credentials {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  readonly commonName: string;
  /** Kubernetes reads these as the user's groups. */
  readonly organizations?: readonly string[];
}

export interface Leaf {
  readonly subject: Subject;
  readonly usage: 'server' | 'client';
  /** Names and addresses a server certificate is good for. */
  readonly names?: readonly string[];
}

export interface Validity {
  readonly nowMs: number;
  readonly days: number;
}

/** A new P-256 private key, as PKCS #8 PEM. */
export async function newKey(): Promise<string> {
  const pair = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const der = await webcrypto.subtle.exportKey('pkcs8', pair.privateKey);
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

/** A self-signed authority that may sign leaves and nothing deeper. */
export async function makeAuthority(
  commonName: string,
  key: string,
  validity: Validity,
  random: Random,
): Promise<string> {
  const keys = await keyPair(key);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial(random),
      name: [{ CN: [commonName] }],
      keys,
      notBefore: new Date(validity.nowMs - BACKDATE_MS),
      notAfter: new Date(validity.nowMs + validity.days * DAY_MS),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(
          KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
          true,
        ),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

/** A leaf for the holder of `key`, signed by the authority and never outliving it. */
export async function signLeaf(
  authority: Credentials,
  leaf: Leaf,
  key: string,
  validity: Validity,
  random: Random,
): Promise<string> {
  const [signer, holder] = await Promise.all([keyPair(authority.key), keyPair(key)]);
  const issuer = new X509Certificate(authority.certificate);
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([
      leaf.usage === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
    ]),
    await AuthorityKeyIdentifierExtension.create(signer.publicKey),
    await SubjectKeyIdentifierExtension.create(holder.publicKey),
  ];
  if (leaf.names !== undefined) {
    const names = leaf.names.map((value) => ({
      type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
      value,
    }));
    extensions.push(new SubjectAlternativeNameExtension(names));
  }
  const { commonName, organizations = [] } = leaf.subject;
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serial(random),
      subject: [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }],
      issuer: [{ CN: [commonNameOf(issuer) ?? ''] }],
      publicKey: holder.publicKey,
      signingKey: signer.privateKey,
      notBefore: new Date(validity.nowMs - BACKDATE_MS),
      notAfter: new Date(Math.min(validity.nowMs + validity.days * DAY_MS, issuer.validToDate.getTime())),
      signingAlgorithm: ALGORITHM,
      extensions,
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

/** Throws node:crypto's error when the text is no certificate. */
export function readCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

/** Throws node:crypto's error when the text is no private key. */
export function readPrivateKey(pem: string): KeyObject {
  return createPrivateKey(pem);
}

export function commonNameOf(certificate: X509Certificate): string | undefined {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1];
}

/** Whole days until the certificate ends, rounded down; negative once it has. */
export function daysLeft(certificate: X509Certificate, nowMs: number): number {
  return Math.floor((certificate.validToDate.getTime() - nowMs) / DAY_MS);
}

/** Whether a TLS client that asks for the name or address would accept this server certificate. */
export function coversName(certificate: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}

async function keyPair(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const key = createPrivateKey(pem);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  const { kty, crv, x, y } = key.export({ format: 'jwk' });
  const half = {
    ...(kty === undefined ? {} : { kty }),
    ...(crv === undefined ? {} : { crv }),
    ...(x === undefined ? {} : { x }),
    ...(y === undefined ? {} : { y }),
  };
  const publicKey = await webcrypto.subtle.importKey('jwk', half, ALGORITHM, true, ['verify']);
  return { privateKey, publicKey };
}

/** 16 random bytes as a positive integer (RFC 5280 4.1.2.2: at most 20 bytes, never negative). */
function serial(random: Random): string {
  return `1${random.uuid().replaceAll('-', '').slice(1)}`;
}
