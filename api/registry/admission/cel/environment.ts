/**
 * CEL as rules of kinds speak it: the language, and the functions that Kubernetes adds to it. Regular expressions run
 * in linear time, whatever a user's document says. Source: Kubernetes documentation, "Common Expression Language in
 * Kubernetes"; apiserver `pkg/cel/library`.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { isRecord, isSameJson } from '../../../../machinery/json.ts';
import { dnsLabelProblem, subdomainProblem } from '../../../../machinery/names.ts';
import { parseQuantity } from '../../../../machinery/quantity.ts';

/** A Kubernetes quantity inside CEL: nanounits. */
class Quantity {
  readonly nano: bigint;

  constructor(nano: bigint) {
    this.nano = nano;
  }
}

class Url {
  readonly url: URL;

  constructor(url: URL) {
    this.url = url;
  }
}

const MAX_PATTERNS = 256;
const patterns = new Map<string, RE2JS>();

function compiledPattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  if (patterns.size >= MAX_PATTERNS) patterns.clear();
  const compiled = RE2JS.compile(pattern);
  patterns.set(pattern, compiled);
  return compiled;
}

/** The language itself, before any variable is known. Clone it. */
export const baseEnvironment = newEnvironment();

function newEnvironment(): Environment {
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  addQuantities(environment);
  addRegularExpressions(environment);
  addLists(environment);
  addUrls(environment);
  return environment
    .registerFunction('isDNS1123Label(string): bool', (text: string) => dnsLabelProblem(text) === undefined)
    .registerFunction(
      'isDNS1123Subdomain(string): bool',
      (text: string) => subdomainProblem(text) === undefined,
    )
    .registerFunction(
      'string.charAt(int): string',
      (text: string, at: bigint) => Array.from(text)[Number(at)] ?? '',
    )
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      text.split(from).join(to),
    );
}

function addQuantities(environment: Environment): void {
  const compare = (a: Quantity, b: Quantity): bigint => (a.nano < b.nano ? -1n : a.nano > b.nano ? 1n : 0n);
  environment
    .registerType('Quantity', { ctor: Quantity, fields: {} })
    .registerFunction('quantity(string): Quantity', (text: string) => {
      const nano = parseQuantity(text);
      if (nano === undefined) throw new Error(`"${text}" is not a quantity`);
      return new Quantity(nano);
    })
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction('Quantity.compareTo(Quantity): int', compare)
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => a.nano < b.nano)
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => a.nano > b.nano)
    .registerFunction('Quantity.sign(): int', (a: Quantity) => compare(a, new Quantity(0n)))
    .registerFunction('Quantity.isInteger(): bool', (a: Quantity) => a.nano % NANO === 0n)
    .registerFunction('Quantity.asInteger(): int', (a: Quantity) => {
      if (a.nano % NANO !== 0n) throw new Error('the quantity is not an integer');
      return a.nano / NANO;
    })
    .registerFunction('Quantity.asApproximateFloat(): double', (a: Quantity) => Number(a.nano) / Number(NANO))
    .registerFunction(
      'Quantity.add(Quantity): Quantity',
      (a: Quantity, b: Quantity) => new Quantity(a.nano + b.nano),
    )
    .registerFunction(
      'Quantity.add(int): Quantity',
      (a: Quantity, b: bigint) => new Quantity(a.nano + b * NANO),
    )
    .registerFunction(
      'Quantity.sub(Quantity): Quantity',
      (a: Quantity, b: Quantity) => new Quantity(a.nano - b.nano),
    )
    .registerFunction(
      'Quantity.sub(int): Quantity',
      (a: Quantity, b: bigint) => new Quantity(a.nano - b * NANO),
    );
}

const NANO = 1_000_000_000n;

function addRegularExpressions(environment: Environment): void {
  environment
    .registerFunction('string.linearMatches(string): bool', (text: string, pattern: string) =>
      compiledPattern(pattern).matcher(text).find(),
    )
    .registerFunction('string.find(string): string', (text: string, pattern: string) => {
      const matcher = compiledPattern(pattern).matcher(text);
      return matcher.find() ? (matcher.group() ?? '') : '';
    })
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
      findAll(text, pattern, Number.POSITIVE_INFINITY),
    )
    .registerFunction(
      'string.findAll(string, int): list<string>',
      (text: string, pattern: string, limit: bigint) =>
        findAll(text, pattern, limit < 0n ? Number.POSITIVE_INFINITY : Number(limit)),
    );
}

function findAll(text: string, pattern: string, limit: number): string[] {
  const matcher = compiledPattern(pattern).matcher(text);
  const found: string[] = [];
  while (found.length < limit && matcher.find()) found.push(matcher.group() ?? '');
  return found;
}

type Ordered = string | number | bigint | boolean;

function addLists(environment: Environment): void {
  const isAscending = (list: readonly Ordered[]): boolean =>
    list.every((item, index) => index === 0 || (list[index - 1] ?? item) <= item);
  const extreme = (list: readonly Ordered[], isBetter: (a: Ordered, b: Ordered) => boolean): Ordered => {
    const [first, ...rest] = list;
    if (first === undefined) throw new Error('min or max called on an empty list');
    return rest.reduce((best, item) => (isBetter(item, best) ? item : best), first);
  };
  environment
    .registerFunction('list.isSorted(): bool', isAscending)
    .registerFunction('list.min(): dyn', (list: readonly Ordered[]) => extreme(list, (a, b) => a < b))
    .registerFunction('list.max(): dyn', (list: readonly Ordered[]) => extreme(list, (a, b) => a > b))
    .registerFunction('list.sum(): dyn', (list: readonly (number | bigint)[]) => sum(list))
    .registerFunction('list.indexOf(dyn): int', (list: readonly unknown[], wanted: unknown) =>
      BigInt(list.findIndex((item) => isEqual(item, wanted))),
    )
    .registerFunction('list.lastIndexOf(dyn): int', (list: readonly unknown[], wanted: unknown) =>
      BigInt(list.findLastIndex((item) => isEqual(item, wanted))),
    );
}

function sum(list: readonly (number | bigint)[]): number | bigint {
  const [first] = list;
  if (typeof first === 'number') return list.reduce((total: number, item) => total + Number(item), 0);
  return list.reduce((total: bigint, item) => total + BigInt(item), 0n);
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && isSameJson(a, b));
}

function addUrls(environment: Environment): void {
  environment
    .registerType('Url', { ctor: Url, fields: {} })
    .registerFunction('isURL(string): bool', (text: string) => isUrl(text))
    .registerFunction('url(string): Url', (text: string) => {
      if (!isUrl(text)) throw new Error(`"${text}" is not a URL`);
      return new Url(new URL(text, 'http://relative'));
    })
    .registerFunction('Url.getScheme(): string', ({ url }: Url) => url.protocol.replace(/:$/, ''))
    .registerFunction('Url.getHost(): string', ({ url }: Url) => url.host)
    .registerFunction('Url.getHostname(): string', ({ url }: Url) => url.hostname)
    .registerFunction('Url.getPort(): string', ({ url }: Url) => url.port)
    .registerFunction('Url.getEscapedPath(): string', ({ url }: Url) => url.pathname);
}

/** A whole URL, or a path from the root, as Go's `url.ParseRequestURI` takes them. */
function isUrl(text: string): boolean {
  return text.startsWith('/') ? URL.canParse(text, 'http://relative') : URL.canParse(text);
}

/** CEL's own `matches` runs on RegExp, which a pattern can hang: calls go to the linear one instead. */
export function useLinearMatches(root: ASTNode): void {
  for (const node of nodesOf(root)) {
    if (node.op === 'rcall' && node.args[0] === 'matches') node.args[0] = 'linearMatches';
  }
}

/** The node and everything below it, what macros became included. */
export function* nodesOf(root: ASTNode): Generator<ASTNode> {
  const seen = new Set<unknown>();
  const open: unknown[] = [root];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    if (isNode(next)) {
      yield next;
      const { alternate, macro } = expansionOf(next);
      open.push(next.args, alternate, macro);
    } else if (Array.isArray(next)) open.push(...next);
    else if (isPlainRecord(next)) open.push(...Object.values(next));
  }
}

/**
 * The fields of `self` that an expression selects, as CEL names them; undefined where it may look at all of it. A rule
 * at the root of a kind that asks for a name need not wait until a whole template has become CEL's.
 */
export function fieldsOfSelf(root: ASTNode): ReadonlySet<string> | undefined {
  const isSelf = (node: unknown): node is ASTNode => isNode(node) && node.op === 'id' && node.args === 'self';
  const fields = new Set<string>();
  const selected = new Set<ASTNode>();
  for (const node of nodesOf(root)) {
    if (node.op !== '.' || !isSelf(node.args[0]) || typeof node.args[1] !== 'string') continue;
    selected.add(node.args[0]);
    fields.add(node.args[1]);
  }
  for (const node of nodesOf(root)) {
    if (isSelf(node) && !selected.has(node)) return undefined;
  }
  return fields;
}

/** How deep the expression nests; what it nests is read and run by functions that call themselves. */
export function depthOf(root: ASTNode): number {
  let deepest = 0;
  const seen = new Set<unknown>();
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (isNode(value)) {
      deepest = Math.max(deepest, depth + 1);
      const { alternate, macro } = expansionOf(value);
      for (const part of [value.args, alternate, macro]) open.push({ value: part, depth: depth + 1 });
    } else if (Array.isArray(value)) for (const part of value) open.push({ value: part, depth });
    else if (isPlainRecord(value)) for (const part of Object.values(value)) open.push({ value: part, depth });
  }
  return deepest;
}

/** What a macro became: a loop in place of the call, or parts of its own, such as those of `cel.bind`. */
export function expansionOf(node: ASTNode): { readonly alternate: unknown; readonly macro: unknown } {
  const meta: unknown = 'meta' in node ? node.meta : undefined;
  return isRecord(meta)
    ? { alternate: meta['alternate'], macro: meta['macro'] }
    : { alternate: undefined, macro: undefined };
}

function isPlainRecord(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype;
}

export function isNode(value: unknown): value is ASTNode {
  return isRecord(value) && typeof value['op'] === 'string' && 'args' in value;
}
