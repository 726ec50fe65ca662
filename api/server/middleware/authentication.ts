/**
 * Who asks. A listener knows the connection, so the listener finds out (client certificate, or the development
 * listener's fixed identity); a request that its connection says nothing about may carry a bearer token. Then whoever
 * asks may want to act as somebody else (`kubectl --as`), if they may.
 *
 * As in Kubernetes a good certificate is enough, whatever token is sent beside it; anonymous requests are off.
 * Source: Kubernetes documentation, "Authenticating" and "User impersonation".
 */
import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { ApiError } from '../../../machinery/errors.ts';
import {
  GROUP_AUTHENTICATED,
  GROUP_UNAUTHENTICATED,
  type Identity,
  serviceAccountGroups,
  serviceAccountOf,
} from '../../../machinery/identity.ts';
import type { AccessRequest, Registry } from '../../registry/types.ts';
import type { AppContext, AppMiddleware } from '../context.ts';
import { arrivalOf, recordArrival } from './arrival.ts';

const ANONYMOUS = 'system:anonymous';
const AUTHENTICATION_GROUP = 'authentication.k8s.io';
/** How clients that cannot set headers send a token with a WebSocket, base64url-encoded. */
const PROTOCOL_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/** Refuses what the listener refuses, public path or not. */
export function admitted(): AppMiddleware {
  return (ctx, next) => {
    const { refusal } = arrivalOf(ctx.req);
    if (refusal !== undefined) throw refusal;
    return next();
  };
}

/** Refuses a request of nobody: 401. Stands after the public paths and before everything else. */
export function authenticated(registry: Pick<Registry, 'authenticate' | 'authorize'>): AppMiddleware {
  return async (ctx, next) => {
    const arrival = arrivalOf(ctx.req);
    if (arrival.identity !== undefined && arrival.upgrade !== undefined) refuseForeignPage(ctx);
    const identity = arrival.identity ?? (await bearerIdentity(ctx, registry));
    // Nobody behind this needs it, and what nobody has is logged by nobody.
    delete ctx.req.headers.authorization;
    if (identity !== arrival.identity) recordArrival(ctx.req, { ...arrival, identity });
    const other = impersonated(ctx, registry, identity);
    if (other !== undefined) recordArrival(ctx.req, { ...arrival, identity: other, impersonator: identity });
    return next();
  };
}

/**
 * A page of any site may open a WebSocket and is read what comes, and the browser adds the user's certificate to it. A token
 * it does not add: pages elsewhere send one. Clients that are no browsers have no Origin, or name this server. The
 * development listener judges by itself. Source: RFC 6455, section 10.2.
 */
function refuseForeignPage(ctx: AppContext): void {
  const origin = ctx.get('Origin');
  if (!ctx.secure || origin === '' || (URL.canParse(origin) && new URL(origin).host === ctx.host)) return;
  throw new ApiError(
    'Forbidden',
    `found Origin ${JSON.stringify(origin)}: a page of another site changes protocols with a token only, not with a certificate`,
  );
}

async function bearerIdentity(ctx: AppContext, registry: Pick<Registry, 'authenticate'>): Promise<Identity> {
  const token = bearerToken(ctx.req);
  const identity = token === undefined ? undefined : await registry.authenticate(token);
  if (identity !== undefined) return identity;
  // RFC 6750: what is wanted, and that a token that was sent is no good.
  ctx.set('WWW-Authenticate', `Bearer realm="gantry"${token === undefined ? '' : ', error="invalid_token"'}`);
  throw new ApiError('Unauthorized', 'Unauthorized');
}

function bearerToken({ headers }: IncomingMessage): string | undefined {
  const found = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (found !== undefined) return found;
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const carrier = protocols.find((protocol) => protocol.startsWith(PROTOCOL_PREFIX));
  if (carrier === undefined) return undefined;
  // It is no protocol that anybody could speak.
  headers['sec-websocket-protocol'] = protocols.filter((protocol) => protocol !== carrier).join(', ');
  return Buffer.from(carrier.slice(PROTOCOL_PREFIX.length), 'base64url').toString();
}

/** Whom the request wants to act as. Throws `Forbidden` when whoever asks may not. */
function impersonated(
  ctx: AppContext,
  registry: Pick<Registry, 'authorize'>,
  identity: Identity,
): Identity | undefined {
  const wish = readWish(ctx.req);
  if (wish === undefined) return undefined;
  const { user, groups, uid, extra } = wish;
  if (user === undefined) {
    throw new ApiError(
      'BadRequest',
      'the Impersonate-Group, -Uid and -Extra headers need Impersonate-User beside them',
    );
  }
  const origin = ctx.state.origin;
  const may = (request: Omit<AccessRequest, 'verb'>): void =>
    registry.authorize(
      { identity, ...(origin === undefined ? {} : { origin }) },
      { verb: 'impersonate', ...request },
    );
  const account = serviceAccountOf(user);
  if (account === undefined) may({ group: '', resource: 'users', name: user });
  else may({ group: '', resource: 'serviceaccounts', ...account });
  for (const name of groups) may({ group: '', resource: 'groups', name });
  for (const [key, values] of Object.entries(extra)) {
    for (const name of values)
      may({ group: AUTHENTICATION_GROUP, resource: 'userextras', subresource: key, name });
  }
  if (uid !== undefined) may({ group: AUTHENTICATION_GROUP, resource: 'uids', name: uid });
  if (origin !== undefined) delete origin.request;
  const own = groups.length === 0 && account !== undefined ? serviceAccountGroups(account.namespace) : groups;
  return {
    name: user,
    groups: withImplied(user, own),
    ...(uid === undefined ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** Whoever is somebody is in `system:authenticated`, unless the groups say which of the two it is. */
function withImplied(user: string, groups: readonly string[]): readonly string[] {
  if (groups.includes(GROUP_UNAUTHENTICATED) || groups.includes(GROUP_AUTHENTICATED)) return groups;
  return [...groups, user === ANONYMOUS ? GROUP_UNAUTHENTICATED : GROUP_AUTHENTICATED];
}

interface Wish {
  readonly user: string | undefined;
  readonly groups: readonly string[];
  readonly uid: string | undefined;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Read from the headers as they came: Node joins repeated ones with commas, which may be in a group's name. */
function readWish({ rawHeaders }: IncomingMessage): Wish | undefined {
  let user: string | undefined;
  let uid: string | undefined;
  const groups: string[] = [];
  const extra = new Map<string, string[]>();
  let isWished = false;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (!name.startsWith('impersonate-')) continue;
    const value = rawHeaders[at + 1] ?? '';
    isWished = true;
    if (name === 'impersonate-user') user ??= value === '' ? undefined : value;
    else if (name === 'impersonate-uid') uid ??= value === '' ? undefined : value;
    else if (name === 'impersonate-group') groups.push(value);
    else if (name.startsWith('impersonate-extra-')) {
      const key = unescaped(name.slice('impersonate-extra-'.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    } else {
      // Answering it as who asks would do more than was wanted.
      throw new ApiError('BadRequest', `unknown impersonation header "${name}"`);
    }
  }
  return isWished ? { user, groups, uid, extra: Object.fromEntries(extra) } : undefined;
}

/** Keys come percent-encoded where headers cannot hold them; what is no encoding is meant as it is. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    // Not percent-encoded after all: Kubernetes takes such a key as it came.
    return key;
  }
}

const identities = new WeakMap<TLSSocket, Identity | undefined>();

/**
 * The identity in a client certificate that our own authority signed: CN is the name, every O is a group. Undefined
 * without one. Source: Kubernetes documentation, "Authenticating": X509 client certificates.
 */
export function certificateIdentity(socket: TLSSocket): Identity | undefined {
  if (!identities.has(socket)) identities.set(socket, readCertificate(socket));
  return identities.get(socket);
}

function readCertificate(socket: TLSSocket): Identity | undefined {
  return socket.authorized ? subjectIdentity(socket.getPeerCertificate()) : undefined;
}

/** Whom a certificate names that has been found good. */
export function subjectIdentity(certificate: Pick<PeerCertificate, 'subject'>): Identity | undefined {
  // Several CNs or Os come as a list, and where there was no certificate there is no subject, whatever the types say.
  const subject: Readonly<Record<string, string | readonly string[] | undefined>> | undefined =
    certificate.subject;
  const [name] = [subject?.CN ?? []].flat();
  if (name === undefined || name === '') return undefined;
  const groups = [subject?.O ?? []].flat();
  return { name, groups: [...groups, GROUP_AUTHENTICATED] };
}
