/**
 * Who somebody is: SelfSubjectReview (`kubectl auth whoami`) and TokenReview.
 * Source: Kubernetes documentation, "Authenticating", "API access to authentication information for a client".
 */
import type { Identity } from '../../../machinery/identity.ts';
import { TOKEN_AUDIENCE } from '../../../net/tokens.ts';
import { authenticationReviewDocuments } from '../../../schemas/authentication.k8s.io/reviews.ts';
import { userInfo } from '../access/audit/event.ts';
import type { TokenAuthenticator } from '../access/authenticate.ts';
import type { Review } from '../types.ts';
import { type Answer, newReview, type Question, type ReviewParts, textIn, textsIn } from './review.ts';

export function authenticationReviews(parts: ReviewParts, tokens: TokenAuthenticator): readonly Review[] {
  const answers: Readonly<Record<string, Answer>> = {
    SelfSubjectReview: ({ identity }) => ({ userInfo: userInfo(identity) }),
    TokenReview: ({ spec }) => tokenStatus(tokens, spec),
  };
  return authenticationReviewDocuments.map((document) => {
    const answer = answers[document.kind];
    if (answer === undefined) throw new Error(`nobody answers a ${document.kind}`);
    return newReview(document, parts, answer);
  });
}

async function tokenStatus(
  tokens: TokenAuthenticator,
  spec: Question['spec'],
): Promise<Readonly<Record<string, unknown>>> {
  const asked = textsIn(spec, 'audiences');
  const token = textIn(spec, 'token');
  if (token === undefined) return { authenticated: false, user: {}, error: 'token not provided' };
  const found = await tokens.authenticate(token, asked.length === 0 ? [TOKEN_AUDIENCE] : asked);
  if (found.identity === undefined) return { authenticated: false, user: {}, error: found.problem };
  const identity: Identity = found.identity;
  return { authenticated: true, user: userInfo(identity), audiences: found.audiences };
}
