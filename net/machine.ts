/** How this machine can be reached: what a server certificate made here should cover. */
import { hostname, networkInterfaces } from 'node:os';

export interface MachineNames {
  readonly hostnames: readonly string[];
  readonly addresses: readonly string[];
}

/** The host's name and the addresses of its interfaces, without loopback and link-local ones. */
export function machineNames(): MachineNames {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => !entry.internal && !/^(?:fe80:|169\.254\.)/i.test(entry.address))
    .map((entry) => entry.address);
  const name = hostname().toLowerCase();
  const isDnsName = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/.test(name);
  return { hostnames: isDnsName ? [name] : [], addresses: [...new Set(addresses)].sort() };
}
