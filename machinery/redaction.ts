/**
 * Takes secrets out of log lines that are already text: what somebody put into a message, an error of a library, or a
 * field that nobody thought of. The last of the walls, not the first: bodies, headers and the data of Secrets are not
 * logged in the first place, and fields with telling names are cut out by name (`log.ts`).
 *
 * What it knows is told by its form: signed tokens, passwords in URLs, authorization headers, private keys.
 */

export const REDACTED = '[redacted]';

/** Fields that hold secrets, wherever they are in a line, as Docker, HTTP and Kubernetes call them. */
export const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  'cookie',
  'password',
  'passphrase',
  'token',
  'id_token',
  'access_token',
  'refresh_token',
  'identitytoken',
  'registrytoken',
  'bearerToken',
  'secret',
  'stringData',
  'privateKey',
  'X-Registry-Auth',
] as const;

/** A form of secret, and how it is told without it. `mark` is cheap to look for: most lines have none of them. */
const FORMS: readonly { readonly mark: string; readonly form: RegExp; readonly told: string }[] = [
  // RFC 7519 in its compact form: a JSON object in base64url begins with `eyJ`.
  { mark: 'eyJ', form: /\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, told: REDACTED },
  // RFC 7617 and RFC 6750.
  { mark: 'asic ', form: /\b(authorization\W{1,6}basic) [\w+/=.-]+/gi, told: `$1 ${REDACTED}` },
  { mark: 'earer ', form: /\b(bearer) [\w+/=.~-]{8,}/gi, told: `$1 ${REDACTED}` },
  // A WebSocket's subprotocol carries a browser's token; Kubernetes' form.
  {
    mark: 'bearer.authorization',
    form: /\b(base64url\.bearer\.authorization\.k8s\.io)\.[\w-]+/g,
    told: `$1.${REDACTED}`,
  },
  // RFC 3986, 3.2.1: the password of a URL's userinfo.
  { mark: '://', form: /(:\/\/[^\s/:@"]*):[^\s/@"]+@/g, told: `$1:${REDACTED}@` },
  {
    mark: 'PRIVATE KEY',
    // Line ends are escaped in a line of JSON, once for each time that it was quoted.
    form: /-----BEGIN ([A-Z ]*)PRIVATE KEY-----(?:[\w+/=:, \r\n]|\\+[nr])*(?:-----END [A-Z ]*PRIVATE KEY-----)?/g,
    told: `-----BEGIN $1PRIVATE KEY-----${REDACTED}`,
  },
  // In the query of a URL, and as a setting in a sentence.
  {
    mark: '=',
    form: /\b((?:access_|id_|refresh_)?token|password|passwd|secret|api_?key)=(?!\[redacted\])[^\s&"'\\]+/gi,
    told: `$1=${REDACTED}`,
  },
];

/** The same text without what has the form of a secret. */
export function withoutSecrets(text: string): string {
  let told = text;
  for (const { mark, form, told: instead } of FORMS) {
    if (told.includes(mark)) told = told.replace(form, instead);
  }
  return told;
}
