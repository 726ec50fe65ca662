/**
 * What a browser may not do to the development listener, which believes everybody on this machine: a page from outside
 * reaches it neither by a name that resolves here (DNS rebinding) nor by sending requests across sites.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { ApiError } from '../../machinery/errors.ts';

/** @param welcome origins whose pages may do what those of the listener's own may. */
export function refuseForeign(
  request: IncomingMessage,
  welcome: readonly string[] = [],
): ApiError | undefined {
  const { host, origin } = request.headers;
  if (host === undefined || !isLoopback(hostName(`http://${host}`))) {
    return new ApiError(
      'Forbidden',
      `the development listener only answers requests for localhost, found Host "${host ?? ''}"`,
    );
  }
  if (origin !== undefined && welcome.includes(origin)) return undefined;
  if (origin !== undefined && !isLoopback(hostName(origin))) {
    return new ApiError(
      'Forbidden',
      `the development listener refuses cross-site requests, found Origin "${origin}"`,
    );
  }
  if (request.headers['sec-fetch-site'] === 'cross-site') {
    return new ApiError('Forbidden', 'the development listener refuses cross-site requests (Sec-Fetch-Site)');
  }
  // Another port of this machine is the same site, but its page may be anybody's: a container's, for one.
  if (origin !== undefined && !isReading(request) && !isSameOrigin(origin, request)) {
    return new ApiError(
      'Forbidden',
      `the development listener takes no writes from pages of another origin, found Origin "${origin}"`,
    );
  }
  return undefined;
}

/** A GET that changes protocols is no reading: a page opens WebSockets to anywhere, and hears what comes back. */
function isReading({ method, upgrade }: IncomingMessage & { readonly upgrade?: boolean }): boolean {
  return upgrade !== true && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS');
}

/** Loopback names are one machine's, so the port says whose page it is. */
function isSameOrigin(origin: string, { socket }: IncomingMessage): boolean {
  const { protocol, port } = new URL(origin);
  return protocol === 'http:' && Number(port === '' ? 80 : port) === socket.localPort;
}

function hostName(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
