/** The addresses of this machine's network interfaces. */
import { networkInterfaces } from 'node:os';

/** Of IPv4 alone, as `192.168.3.7/24`; without loopback. */
export function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ cidr }) => cidr)
    .filter((cidr) => cidr !== null);
}
