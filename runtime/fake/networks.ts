/** The networks of a fake engine. Whether one is in use its engine says. */
import { RuntimeError } from '../../machinery/errors.ts';
import type { NetworkInfo, NetworkSpec } from '../../machinery/runtime.ts';

export class FakeNetworks {
  /** By id, oldest first. */
  readonly #networks = new Map<string, NetworkInfo>();
  readonly #given = new Map<string, number>();
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  list(): readonly NetworkInfo[] {
    return [...this.#networks.values()];
  }

  find(idOrName: string): NetworkInfo | undefined {
    return this.#networks.get(idOrName) ?? this.list().find(({ name }) => name === idOrName);
  }

  create(spec: NetworkSpec): NetworkInfo {
    if (this.find(spec.name) !== undefined) {
      throw new RuntimeError('Conflict', `network with name ${spec.name} already exists`);
    }
    const wanted = rangeOf(spec.subnet);
    for (const { name, subnet } of this.#networks.values()) {
      if (subnet !== undefined && isOverlap(rangeOf(subnet), wanted)) {
        throw new RuntimeError(
          'AddressConflict',
          `the subnet ${spec.subnet} of network "${spec.name}" overlaps ${subnet} of "${name}"`,
        );
      }
    }
    const network = { id: this.#newId(), ...structuredClone(spec) };
    this.#networks.set(network.id, network);
    return network;
  }

  /** The next address of a network, which are given out one after the other and not again. */
  address(name: string): string | undefined {
    const network = this.find(name);
    if (network?.subnet === undefined) return undefined;
    const { first, last } = rangeOf(network.subnet);
    const given = this.#given.get(network.id) ?? 0;
    this.#given.set(network.id, given + 1);
    // The first is the network's, the next its gateway's, the last for everyone.
    return dotted(first + 2 + (given % Math.max(1, last - first - 2)));
  }

  /** @param isUsed whether a running container is on it. */
  remove(idOrName: string, isUsed: (network: NetworkInfo) => boolean): void {
    const network = this.find(idOrName);
    if (network === undefined) return;
    if (isUsed(network)) throw new RuntimeError('Conflict', `network "${network.name}" has active endpoints`);
    this.#networks.delete(network.id);
    this.#given.delete(network.id);
  }
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function rangeOf(subnet: string): Range {
  const [, address = '', length = ''] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(subnet) ?? [];
  const octets = address.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => octet > 255) || Number(length) > 32) {
    throw new RuntimeError('InvalidSpec', `found subnet "${subnet}", wanted one such as 10.201.4.0/24`);
  }
  const size = 2 ** (32 - Number(length));
  const at = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const first = Math.floor(at / size) * size;
  return { first, last: first + size - 1 };
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function isOverlap(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}
