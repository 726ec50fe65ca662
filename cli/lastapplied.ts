/**
 * Client-side apply as kubectl does it, so that both can be used on one object in turn: the annotation
 * `kubectl.kubernetes.io/last-applied-configuration` remembers what was applied, and a three-way comparison of it, the
 * new manifest and the live object gives a JSON merge patch.
 * Source: Kubernetes documentation, "Declarative Management of Kubernetes Objects Using Configuration Files", "How apply
 * calculates differences and merges changes".
 */
import canonicalize from 'canonicalize';
import { isRecord, isSameJson } from '../machinery/json.ts';
import type { DynamicObject } from '../machinery/meta.ts';

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** The manifest as it is sent: with itself, as text, in the annotation. */
export function withLastApplied(manifest: DynamicObject): DynamicObject {
  const { [LAST_APPLIED]: _old, ...annotations } = manifest.metadata.annotations ?? {};
  const bare: DynamicObject = { ...manifest, metadata: { ...manifest.metadata, annotations } };
  return {
    ...manifest,
    metadata: { ...manifest.metadata, annotations: { ...annotations, [LAST_APPLIED]: goJson(bare) } },
  };
}

/** What was applied last; undefined when nothing was, or when the annotation is not readable. */
export function lastAppliedOf(live: DynamicObject): unknown {
  const text = live.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Somebody edited it by hand: as if nothing had been applied, so nothing is removed.
    return undefined;
  }
}

/**
 * The JSON merge patch (RFC 7386) that makes `live` what `wanted` says and removes what `last` had and `wanted` has not.
 * Everything else of `live` stays. Empty when there is nothing to do.
 */
export function threeWayPatch(
  last: unknown,
  wanted: DynamicObject,
  live: DynamicObject,
): Record<string, unknown> {
  return merged(changes(live, wanted), removals(isRecord(last) ? last : {}, wanted, live));
}

/** What `wanted` says otherwise than `live`. Lists are values: they are replaced whole. */
function changes(live: Record<string, unknown>, wanted: Record<string, unknown>): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(wanted)) {
    const current = Object.hasOwn(live, name) ? live[name] : undefined;
    if (value === null) {
      if (current !== undefined && current !== null) patch[name] = null;
    } else if (isRecord(value) && isRecord(current)) {
      const inner = changes(current, value);
      if (Object.keys(inner).length > 0) patch[name] = inner;
    } else if (!isSameJson(value, current)) {
      patch[name] = value;
    }
  }
  return patch;
}

/** What was applied before, is not wanted any more, and is still there. */
function removals(
  last: Record<string, unknown>,
  wanted: Record<string, unknown>,
  live: Record<string, unknown>,
): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(last)) {
    if (!Object.hasOwn(live, name)) continue;
    if (!Object.hasOwn(wanted, name)) {
      patch[name] = null;
      continue;
    }
    const [next, current] = [wanted[name], live[name]];
    if (!isRecord(value) || !isRecord(next) || !isRecord(current)) continue;
    const inner = removals(value, next, current);
    if (Object.keys(inner).length > 0) patch[name] = inner;
  }
  return patch;
}

function merged(a: Record<string, unknown>, b: Record<string, unknown>): Record<string, unknown> {
  const result = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const other = result[name];
    result[name] = isRecord(value) && isRecord(other) ? merged(other, value) : value;
  }
  return result;
}

/**
 * JSON exactly as kubectl writes the annotation (Go's encoder: sorted keys, `<`, `>` and `&` escaped, a line feed at the
 * end): were it spelled differently, each tool would see a change where the other had been.
 */
function goJson(value: unknown): string {
  const escaped = (canonicalize(value) ?? 'null').replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${escaped}\n`;
}
