/**
 * Values changed by sets and by each other: a configuration laid over what is there, and fields taken out of it. Inputs
 * are never changed; what stays the same is shared.
 *
 * Items of a list that both know come in the order of the configuration, items that only the live object has keep their
 * place between them. Source: structured-merge-diff `typed` (Merge, RemoveItems) since v4.4.
 */
import { isRecord } from '../../../machinery/json.ts';
import { below, type FieldSet, hasBelow, hasElement } from './fieldset.ts';
import {
  asList,
  asMap,
  fieldShape,
  itemElement,
  itemsByElement,
  type ListShape,
  type Shape,
} from './shape.ts';

/** The configuration over the live value; undefined stands for a value that is not there. */
export function mergeValues(shape: Shape, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  if (live === undefined || live === null) return config;
  const map = asMap(shape, config);
  if (map !== undefined && isRecord(live) && isRecord(config)) {
    const result: Record<string, unknown> = { ...live };
    for (const field of Object.keys(config)) {
      const partShape = fieldShape(map, field);
      result[field] =
        partShape === 'untracked' ? config[field] : mergeValues(partShape, live[field], config[field]);
    }
    return result;
  }
  const list = asList(shape, config);
  if (list !== undefined && Array.isArray(live) && Array.isArray(config))
    return mergeItems(list, live, config);
  return config;
}

function mergeItems(shape: ListShape, live: readonly unknown[], config: readonly unknown[]): unknown[] {
  const wished = itemsByElement(shape, config);
  const there = itemsByElement(shape, live);
  const places = [...there.keys()];
  const result: unknown[] = [];
  let at = 0;
  /** Items that only the live list has keep their place before `element`; shared ones come where they are wished. */
  const takeUntil = (element: string | undefined): void => {
    for (; at < places.length && places[at] !== element; at++) {
      const place = places[at] ?? '';
      if (!wished.has(place)) result.push(there.get(place));
    }
  };
  for (const [element, nextShared] of withNextShared([...wished.keys()], there)) {
    takeUntil(nextShared);
    result.push(mergeValues(shape.item, there.get(element), wished.get(element)));
    if (places[at] === element) at += 1;
  }
  takeUntil(undefined);
  return result;
}

/** Each wished element with the first shared one from it on. */
function withNextShared(
  wished: readonly string[],
  there: ReadonlyMap<string, unknown>,
): (readonly [string, string | undefined])[] {
  let next: string | undefined;
  return wished.reduceRight<(readonly [string, string | undefined])[]>((pairs, element) => {
    if (there.has(element)) next = element;
    pairs.unshift([element, next]);
    return pairs;
  }, []);
}

/** The value without the fields of the set; undefined when nothing is left of it. */
export function removeFields(shape: Shape, value: unknown, set: FieldSet): unknown {
  const map = asMap(shape, value);
  if (map !== undefined && isRecord(value)) {
    const result: Record<string, unknown> = {};
    let isAny = false;
    for (const field of Object.keys(value)) {
      const element = `f:${field}`;
      const partShape = fieldShape(map, field);
      const kept = partShape === 'untracked' ? value[field] : keptPart(partShape, value[field], set, element);
      if (kept === undefined) continue;
      result[field] = kept;
      isAny = true;
    }
    return isAny || Object.keys(value).length === 0 ? result : undefined;
  }
  const list = asList(shape, value);
  if (list !== undefined && Array.isArray(value)) {
    const result = value
      .map((item: unknown) => keptPart(list.item, item, set, itemElement(list, item)))
      .filter((item) => item !== undefined);
    return result.length > 0 || value.length === 0 ? result : undefined;
  }
  return value;
}

/** One part without what of it is in the set. */
function keptPart(shape: Shape, part: unknown, set: FieldSet, element: string): unknown {
  if (hasElement(set, element)) return undefined;
  const inner = below(set, element);
  return hasBelow(inner) ? removeFields(shape, part, inner) : part;
}
