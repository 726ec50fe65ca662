/**
 * What may be a name, a label and an annotation key. Each function says what is wrong, or undefined.
 * Source: Kubernetes documentation, "Object Names and IDs" and "Labels and Selectors"; the wording of the messages is
 * apimachinery's, because people search for it.
 */
import { isIP } from 'node:net';
import { jsonHash } from './json.ts';

const DNS1123_SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const DNS1123_LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_PART = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

export function subdomainProblem(name: string): string | undefined {
  if (name.length > 253) return 'must be no more than 253 characters';
  if (DNS1123_SUBDOMAIN.test(name)) return undefined;
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com')";
}

export function dnsLabelProblem(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters';
  if (DNS1123_LABEL.test(name)) return undefined;
  return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name', or '123-abc')";
}

/** A DNS name or an IP address. */
export function isHostname(name: string): boolean {
  return isIP(name) !== 0 || name.split('.').every((label) => dnsLabelProblem(label) === undefined);
}

export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = slash < 0 ? key : key.slice(slash + 1);
  if (prefix !== undefined) {
    const problem = prefix === '' ? 'prefix part must be non-empty' : subdomainProblem(prefix);
    if (problem !== undefined) return `prefix part ${problem}`;
  }
  if (name.length > 63) return 'name part must be no more than 63 characters';
  if (QUALIFIED_PART.test(name)) return undefined;
  return `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName', or 'my.name', or '123-abc'), found "${key}"`;
}

export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  if (value === '' || QUALIFIED_PART.test(value)) return undefined;
  return `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue', or 'my_value', or '12345'), found "${value}"`;
}

const MAX_LABEL = 63;
const CHILD_HASH = 8;

/**
 * A name made from others: joined by hyphens; where that is too long, its beginning and a hash of the whole. The same
 * parts always give the same name, so that creating twice is creating once.
 */
export function childName(parts: readonly (string | number)[], maxLength = MAX_LABEL): string {
  const whole = parts.join('-');
  if (whole.length <= maxLength) return whole;
  const kept = whole.slice(0, maxLength - CHILD_HASH - 1).replace(/[^a-z0-9]+$/, '');
  return `${kept}-${jsonHash(parts).slice(0, CHILD_HASH)}`;
}
