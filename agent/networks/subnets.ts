/**
 * Subnets of networks: equal blocks cut out of one range of IPv4 addresses. Pure.
 *
 * The search for a free block begins at a place that the network's own name decides: made anew after it was removed, a
 * network most often has its old addresses again.
 */
import { jsonHash } from '../../machinery/json.ts';

/** `10.200.0.0/14` as numbers. */
export interface Block {
  readonly address: number;
  readonly prefix: number;
}

const BITS = 32;
/** Fewer addresses leave no room for a gateway and containers. */
const MAX_PREFIX = 29;

/** Undefined for what is not an IPv4 block, or has bits set beyond its prefix. */
export function parseBlock(text: string): Block | undefined {
  const [, ip = '', bits = ''] = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(text) ?? [];
  const parts = ip.split('.').map(Number);
  const prefix = Number(bits);
  if (parts.length !== 4 || parts.some((part) => part > 255) || bits === '' || prefix > BITS)
    return undefined;
  const address = parts.reduce((sum, part) => sum * 256 + part, 0);
  return address % sizeOf(prefix) === 0 ? { address, prefix } : undefined;
}

export function formatBlock({ address, prefix }: Block): string {
  const parts = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
  return `${parts.join('.')}/${prefix}`;
}

/** The block an interface's address lies in: `192.168.3.7/24` is `192.168.3.0/24`. */
export function blockAround(cidr: string): Block | undefined {
  const [ip = '', bits = ''] = cidr.split('/');
  const host = parseBlock(`${ip}/${BITS}`);
  const prefix = Number(bits);
  if (host === undefined || !/^\d{1,2}$/.test(bits) || prefix > BITS) return undefined;
  return { address: host.address - (host.address % sizeOf(prefix)), prefix };
}

export function doOverlap(a: Block, b: Block): boolean {
  return a.address < b.address + sizeOf(b.prefix) && b.address < a.address + sizeOf(a.prefix);
}

/** A sentence, or undefined when blocks of this size can be cut out of the range. */
export function rangeProblem(range: string, prefix: number): string | undefined {
  const block = parseBlock(range);
  if (block === undefined) {
    return `found "${range}", wanted a range of IPv4 addresses such as 10.200.0.0/14, without bits beyond its prefix`;
  }
  if (block.prefix > MAX_PREFIX) return `found the range ${range}, wanted one of at least /${MAX_PREFIX}`;
  if (prefix >= block.prefix && prefix <= MAX_PREFIX) return undefined;
  return `found networks of /${prefix} in the range ${range}, wanted a size from /${block.prefix} to /${MAX_PREFIX}`;
}

/**
 * Blocks of the range that overlap none of these, in the order in which they are to be tried.
 * @param name decides where the search begins.
 */
export function* freeBlocks(
  range: Block,
  prefix: number,
  taken: readonly Block[],
  name: string,
): Generator<Block, void, undefined> {
  const count = 2 ** (prefix - range.prefix);
  const first = Number.parseInt(jsonHash(name).slice(0, 8), 16) % count;
  for (let step = 0; step < count; step++) {
    const block = { address: range.address + ((first + step) % count) * sizeOf(prefix), prefix };
    if (!taken.some((other) => doOverlap(block, other))) yield block;
  }
}

function sizeOf(prefix: number): number {
  return 2 ** (BITS - prefix);
}
