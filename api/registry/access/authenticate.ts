/**
 * Who a bearer token proves somebody to be. First the static file, then the signed ones; a signed token that is bound
 * to objects proves something only as long as these very objects (by uid) are there.
 * Source: Kubernetes documentation, "Authenticating" and "Managing Service Accounts".
 */
import { messageOf } from '../../../machinery/errors.ts';
import { GROUP_AUTHENTICATED, type Identity, serviceAccountGroups } from '../../../machinery/identity.ts';
import type { StaticTokens } from '../../../net/statictokens.ts';
import {
  TOKEN_AUDIENCE,
  type TokenAuthority,
  type TokenBinding,
  TokenError,
  type VerifiedToken,
} from '../../../net/tokens.ts';
import type { Surroundings } from './restrictions.ts';

const SERVICE_ACCOUNTS = { group: '', plural: 'serviceaccounts' };
const SECRETS = { group: '', plural: 'secrets' };
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

export interface TokenParts {
  readonly staticTokens?: StaticTokens;
  readonly authority?: TokenAuthority;
}

export type TokenFinding =
  | { readonly identity: Identity; readonly audiences: readonly string[] }
  /** It proves nothing; why, for whoever may review tokens. */
  | { readonly identity: undefined; readonly problem: string };

export class TokenAuthenticator {
  readonly #parts: TokenParts;
  readonly #surroundings: Surroundings;

  constructor(parts: TokenParts, surroundings: Surroundings) {
    this.#parts = parts;
    this.#surroundings = surroundings;
  }

  /** @param audiences for whom the token must be made; one of them is enough. */
  async authenticate(token: string, audiences: readonly string[] = [TOKEN_AUDIENCE]): Promise<TokenFinding> {
    const { staticTokens, authority } = this.#parts;
    const user = await staticTokens?.find(token);
    if (user !== undefined) {
      // These are for this API and for nobody else.
      if (!audiences.includes(TOKEN_AUDIENCE)) return refused('the token is not for the target audiences');
      const { name, uid, groups } = user;
      return {
        identity: { name, uid, groups: authenticatedGroups(groups) },
        audiences: [TOKEN_AUDIENCE],
      };
    }
    if (authority === undefined || !authority.isOurs(token)) return refused('invalid bearer token');
    try {
      const verified = await authority.verify(token, audiences);
      const problem = verified.bound === undefined ? undefined : this.#unboundProblem(verified.bound);
      if (problem !== undefined) return refused(problem);
      return {
        identity: identityOf(verified),
        audiences: verified.audiences.filter((audience) => audiences.includes(audience)),
      };
    } catch (error) {
      if (error instanceof TokenError) return refused(messageOf(error));
      throw error;
    }
  }

  /** What the token is bound to and is not there any more. */
  #unboundProblem({ namespace, serviceAccount, secret }: TokenBinding): string | undefined {
    const account = this.#surroundings.find(SERVICE_ACCOUNTS, { namespace, name: serviceAccount.name });
    if (account?.metadata.uid !== serviceAccount.uid) return 'service account token has been invalidated';
    if (secret === undefined) return undefined;
    const found = this.#surroundings.find(SECRETS, { namespace, name: secret.name });
    return found?.metadata.uid === secret.uid ? undefined : 'service account token has been invalidated';
  }
}

function identityOf({ id, user, groups, bound }: VerifiedToken): Identity {
  return {
    name: user,
    ...(bound === undefined ? {} : { uid: bound.serviceAccount.uid }),
    groups: authenticatedGroups(bound === undefined ? groups : serviceAccountGroups(bound.namespace)),
    extra: { [CREDENTIAL_ID]: [`JTI=${id}`] },
  };
}

function authenticatedGroups(groups: readonly string[]): readonly string[] {
  return groups.includes(GROUP_AUTHENTICATED) ? groups : [...groups, GROUP_AUTHENTICATED];
}

function refused(problem: string): TokenFinding {
  return { identity: undefined, problem };
}
