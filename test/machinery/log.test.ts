import { expect } from 'chai';
import fc from 'fast-check';
import { type LogFormat, openLog } from '../../machinery/log.ts';
import { textLine } from '../../machinery/logtext.ts';
import { REDACTED, withoutSecrets } from '../../machinery/redaction.ts';
import { nameObject, withTrace } from '../../machinery/trace.ts';
import { cpuMs } from '../cputime.ts';

const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl';

function written(write: (log: ReturnType<typeof openLog>) => void, format: LogFormat = 'json'): string {
  const lines: string[] = [];
  write(openLog({ level: 'trace', format, stream: { write: (line) => lines.push(line) } }));
  return lines.join('');
}

describe('Log lines', () => {
  it('are one JSON object a line, with time, level, trace and the object they are about', () => {
    const trace = { requestId: 'r1', traceId: 't1' };
    const line = written((log) =>
      withTrace(trace, () => {
        nameObject('tasks.gantry.dev/default/hello');
        nameObject('tasks.gantry.dev/default/other');
        log.info({ ms: 3 }, 'reconciled');
      }),
    );
    expect(line.endsWith('}\n')).to.equal(true);
    const { time, ...fields } = JSON.parse(line);
    expect(time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(fields).to.deep.equal({
      level: 'info',
      trace_id: 't1',
      request_id: 'r1',
      object: 'tasks.gantry.dev/default/hello',
      ms: 3,
      msg: 'reconciled',
    });
  });

  const secrets: readonly [string, unknown, string][] = [
    ['a header', { headers: { authorization: 'Bearer abcdefgh' } }, 'abcdefgh'],
    ['a field of an error', { err: Object.assign(new Error('no'), { password: 'hunter22' }) }, 'hunter22'],
    ['a field two levels down', { request: { auth: { identitytoken: 'hunter22' } } }, 'hunter22'],
    ['a field further down', { a: { b: { c: { d: { password: 'hunter"\\22' } } } } }, 'hunter'],
    [
      'a field in another spelling',
      { accessToken: 'hunter22', DB: { Client_Secret: 'hunter22' } },
      'hunter22',
    ],
    [
      'JSON in a sentence',
      { err: new Error('got {"user": "ann", "password": "a\\"hunter22", "x": 1}') },
      'hunter22',
    ],
    ['a variable', { env: ['HOME=/root', 'DB_PASSWORD=hunter22'] }, 'hunter22'],
    ['a header with a hyphen', { headers: { 'X-Registry-Auth': 'aHVudGVyMg' } }, 'aHVudGVyMg'],
    ['a token in the message of an error', { err: new Error(`bad token ${TOKEN}`) }, TOKEN],
    ['a token at the end of a dotted word', { file: `/x/.y.-${TOKEN}` }, TOKEN.slice(-12)],
    ['a password in an address', { address: 'etcd://root:hunter22@host:2379' }, 'hunter22'],
    ['a query', { query: `watch=1&access_token=${TOKEN}&password=hunter22` }, 'hunter22'],
    ['a header in a sentence', { reason: 'sent Authorization: Basic aHVudGVyMjI=' }, 'aHVudGVyMjI'],
    [
      'a subprotocol',
      { protocols: 'v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.aHVudGVyMjI' },
      'aHVudGVyMjI',
    ],
    [
      'a private key',
      { pem: '-----BEGIN EC PRIVATE KEY-----\naHVudGVyMjI=\n-----END EC PRIVATE KEY-----\n' },
      'aHVudGVyMjI',
    ],
  ];
  for (const format of ['json', 'text'] as const) {
    for (const [what, fields, secret] of secrets) {
      it(`hold no secret of ${what}, as ${format}`, () => {
        const line = written((log) => log.error(fields, 'failed'), format);
        expect(line).not.to.include(secret);
        // Text shows of an error only what it is.
        if (format === 'json') expect(JSON.stringify(JSON.parse(line))).to.include(REDACTED);
      });
    }
  }

  it('keep what only looks alike', () => {
    for (const text of [
      'tokens were rotated',
      'token "a" is not known',
      'https://host:7443/api',
      'a bearer of news',
      'see http://[::1]:80/x@y',
      'docs.example.com/eyJ is no token',
      '{"tokens":"3","passwordField":"b","secrets":["a"]}',
      'basic research',
    ]) {
      expect(withoutSecrets(text)).to.equal(text);
    }
  });

  it('stay JSON whatever is taken out of them', () => {
    const part = fc.constantFrom(
      TOKEN,
      'Bearer abcdefgh',
      'token=',
      '"password":"',
      '{"token": "a',
      '"',
      '\\',
      '://a:b@',
      '-----BEGIN PRIVATE KEY-----',
      ' ',
      'x',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const line = written((log) => log.info({ text: parts.join('') }, parts.join('')));
        expect(() => JSON.parse(line)).not.to.throw();
      }),
    );
  });

  it('take time in proportion to a line, whatever somebody sent', () => {
    for (const part of [
      '-eyJaaaa',
      'eyJaaaaa.',
      'a..',
      'a.',
      '"token":',
      '\\\\',
      '://a:',
      'bearer ',
      '-----BEGIN PRIVATE KEY-----',
    ]) {
      const text = part.repeat(Math.ceil(200_000 / part.length));
      const before = cpuMs();
      withoutSecrets(text);
      expect(cpuMs() - before, part).to.be.lessThan(500);
    }
  });

  it('as text: time, level, message, fields, and the stack of what went wrong inside', () => {
    const line = written((log) => {
      log.error(
        { key: 'default/a b', ms: 3, empty: '', err: new TypeError('no such thing') },
        'it failed: no such thing',
      );
    }, 'text');
    const [first = '', ...frames] = line.trimEnd().split('\n');
    expect(first).to.match(
      /^\S+Z ERROR it failed: no such thing key="default\/a b" ms=3 empty="" err=TypeError$/,
    );
    expect(frames.length).to.be.greaterThan(0);
    expect(frames.every((frame) => frame.startsWith('    at '))).to.equal(true);
  });

  it('as text: are one line each, whatever is in them, and nothing in them moves a cursor', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, value) => {
        const line = written((log) => log.info({ value }, message), 'text');
        expect(line.trimEnd().split('\n').length).to.equal(1);
        expect(line.slice(0, -1)).not.to.match(/[\p{Cc}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('as text: what is no event of the log is shown as it is', () => {
    expect(textLine('{"half')).to.equal('{"half');
    expect(textLine('3\n')).to.equal('3\n');
  });
});
