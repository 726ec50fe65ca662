/**
 * Takes secrets out of log lines that are already text: what somebody put into a message, an error of a library, or a
 * field that nobody thought of. The last of the walls, not the first: bodies, headers and the data of Secrets are not
 * logged in the first place, and fields with telling names are cut out by name (`log.ts`).
 *
 * What it knows is told by its form: signed tokens, passwords in URLs, authorization headers, private keys, fields of JSON.
 */

export const REDACTED = '[redacted]';

/** Fields that hold secrets as Docker, HTTP and Kubernetes call them, in JSON, at any depth, in any spelling, and in JSON that a message quotes. */
const NAMES =
  '(?:set-)?cookie|(?:x-registry-)?auth|authorization|password|passwd|passphrase|[a-z]*_?token|(?:client_?)?secret|api_?key|private_?key';
const PAUSE = String.raw`(?:\s|\\[nrt])*`;

/** A form of secret, and how it is told without it. `mark` is cheap to look for: most lines have none of them. */
interface Form {
  readonly mark: string;
  /** Takes time in proportion to the text, whatever that is: part of it is what strangers sent. */
  readonly form: RegExp;
  readonly told: string | ((found: string) => string);
}

const FORMS: readonly Form[] = [
  // RFC 7519 in its compact form: a JSON object in base64url begins with `eyJ`. It is looked for in whole words.
  {
    mark: 'eyJ',
    form: /(?<![\w.-])[\w-]*(?:\.[\w-]*)+/g,
    told: withoutTokens,
  },
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
  // In the query of a URL, as a setting in a sentence, as a variable.
  {
    mark: '=',
    form: /(token|password|passwd|secret|api_?key)=(?!\[redacted\])[^\s&"'\\]+/gi,
    told: `$1=${REDACTED}`,
  },
  {
    mark: '"',
    form: new RegExp(String.raw`"(${NAMES})"\s*:\s*"(?:[^"\\]|\\.)*"`, 'gi'),
    told: `"$1":"${REDACTED}"`,
  },
  {
    mark: '\\"',
    form: new RegExp(
      String.raw`\\"(${NAMES})\\"${PAUSE}:${PAUSE}\\"(?:[^"\\]|\\\\(?:\\"|\\\\|[^"\\]))*(?:\\")?`,
      'gi',
    ),
    told: `\\"$1\\":\\"${REDACTED}\\"`,
  },
];

/** Three parts of a dotted word are a token where the first holds what a token begins with. */
function withoutTokens(word: string): string {
  const parts = word.split('.');
  const told: string[] = [];
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at] ?? '';
    const begin = part.indexOf('eyJ');
    const isToken = begin >= 0 && part.length >= begin + 8 && parts[at + 1] !== '' && at + 2 < parts.length;
    told.push(isToken ? `${part.slice(0, begin)}${REDACTED}` : part);
    if (isToken) at += 2;
  }
  return told.join('.');
}

/** The same text without what has the form of a secret. */
export function withoutSecrets(text: string): string {
  let line = text;
  for (const { mark, form, told } of FORMS) {
    if (!line.includes(mark)) continue;
    line = typeof told === 'string' ? line.replace(form, told) : line.replace(form, told);
  }
  return line;
}
