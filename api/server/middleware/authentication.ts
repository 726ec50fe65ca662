/**
 * Who asks. A listener knows the connection, so the listener finds out (client certificate, or the development
 * listener's fixed identity); the application refuses what the listener refuses and what nobody asks.
 */
import type { TLSSocket } from 'node:tls';
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { type AppMiddleware, identityOf } from '../context.ts';
import { arrivalOf } from './arrival.ts';

/** Refuses what the listener refuses, public path or not. */
export function admitted(): AppMiddleware {
  return (ctx, next) => {
    const { refusal } = arrivalOf(ctx.req);
    if (refusal !== undefined) throw refusal;
    return next();
  };
}

/**
 * Refuses a request of nobody: 401; and one that wants to be somebody else (`kubectl --as`): 403, for answering it as
 * who asks would do more than was wanted. Stands after the public paths and before everything else. */
export function authenticated(): AppMiddleware {
  return (ctx, next) => {
    const { name } = identityOf(ctx);
    const other = ctx.get('Impersonate-User');
    if (other !== '' || Object.keys(ctx.headers).some((header) => header.startsWith('impersonate-'))) {
      throw new ApiError(
        'Forbidden',
        `users "${other}" is forbidden: User "${name}" cannot impersonate resource "users" in API group "" at the cluster scope: this server does not know impersonation`,
        { name: other, kind: 'users' },
      );
    }
    return next();
  };
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
  if (!socket.authorized) return undefined;
  // Several CNs or Os come as a list, whatever the types say.
  const subject: Readonly<Record<string, string | readonly string[] | undefined>> | undefined =
    socket.getPeerCertificate().subject;
  const [name] = [subject?.CN ?? []].flat();
  if (name === undefined || name === '') return undefined;
  const groups = [subject?.O ?? []].flat();
  return { name, groups: [...groups, 'system:authenticated'] };
}
