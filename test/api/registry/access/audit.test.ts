/** The audit's parts: whether a policy wants a request, and a file that stays within its bounds and says what it lost. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { type AuditEvent, cappedLevel } from '../../../../api/registry/access/audit/event.ts';
import {
  type AuditedAttributes,
  defaultPolicy,
  parseAuditPolicy,
  ruleFor,
} from '../../../../api/registry/access/audit/policy.ts';
import { AuditTrail } from '../../../../api/registry/access/audit/trail.ts';
import { FakeClock } from '../../../../machinery/fakeclock.ts';
import { type Metrics, newMetrics } from '../../../../machinery/metrics.ts';

const policyOf = (rules: string): ReturnType<typeof parseAuditPolicy> =>
  parseAuditPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules}`);

/** `jane get core pods/log ns/name`, `jane get /metrics`. */
function asked(text: string): AuditedAttributes {
  const [user = '', verb = '', group = '', resource = '', key = ''] = text.split(' ');
  const who = { user, groups: [`group-of-${user}`], verb };
  if (group.startsWith('/')) return { ...who, target: { path: group } };
  const [plural = '', subresource] = resource.split('/');
  const [namespace = '', name] = key.split('/');
  return {
    ...who,
    target: {
      group: group === 'core' ? '' : group,
      resource: plural,
      ...(subresource === undefined ? {} : { subresource }),
      ...(namespace === '' ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    },
  };
}

describe('An audit policy', () => {
  const rows: readonly (readonly [rule: string, text: string, isMatch: boolean])[] = [
    ['{ level: Metadata }', 'jane get core pods n/x', true],
    ['{ level: Metadata }', 'jane get /metrics', true],
    ['{ level: Metadata, users: [joe] }', 'jane get core pods n/x', false],
    ['{ level: Metadata, userGroups: [group-of-jane] }', 'jane get core pods n/x', true],
    ['{ level: Metadata, verbs: [list] }', 'jane get core pods n/x', false],
    ['{ level: Metadata, namespaces: [n] }', 'jane get core pods n/x', true],
    ['{ level: Metadata, namespaces: [m] }', 'jane get core pods n/x', false],
    ['{ level: Metadata, namespaces: [""] }', 'jane list core pods', true],
    ['{ level: Metadata, namespaces: [n] }', 'jane get /metrics', false],
    ['{ level: Metadata, resources: [{ group: "" }] }', 'jane get core pods n/x', true],
    ['{ level: Metadata, resources: [{ group: apps }] }', 'jane get core pods n/x', false],
    ['{ level: Metadata, resources: [{ resources: [pods] }] }', 'jane get core pods n/x', true],
    ['{ level: Metadata, resources: [{ resources: [pods] }] }', 'jane get core pods/log n/x', false],
    ['{ level: Metadata, resources: [{ resources: [pods/log] }] }', 'jane get core pods/log n/x', true],
    ['{ level: Metadata, resources: [{ resources: [pods/*] }] }', 'jane get core pods/log n/x', true],
    ['{ level: Metadata, resources: [{ resources: ["*/log"] }] }', 'jane get core pods/log n/x', true],
    ['{ level: Metadata, resources: [{ resources: ["*"] }] }', 'jane get core pods/log n/x', true],
    [
      '{ level: Metadata, resources: [{ resources: [pods], resourceNames: [y] }] }',
      'jane get core pods n/x',
      false,
    ],
    ['{ level: Metadata, nonResourceURLs: [/met*] }', 'jane get /metrics', true],
    ['{ level: Metadata, nonResourceURLs: [/met] }', 'jane get /metrics', false],
    ['{ level: Metadata, nonResourceURLs: ["*"] }', 'jane get core pods n/x', false],
  ];
  for (const [rule, text, isMatch] of rows) {
    it(`with ${rule} ${isMatch ? 'wants' : 'does not want'} ${text}`, () => {
      expect(ruleFor(policyOf(`- ${rule}`), asked(text)) !== undefined).to.equal(isMatch);
    });
  }

  it('has its first matching rule, and None where none matches', () => {
    const policy = policyOf('- { level: None, users: [jane] }\n- { level: Request, verbs: [get] }');
    expect(ruleFor(policy, asked('jane get core pods n/x'))).to.equal(undefined);
    expect(ruleFor(policy, asked('joe get core pods n/x'))?.level).to.equal('Request');
    expect(ruleFor(policy, asked('joe list core pods n'))).to.equal(undefined);
  });

  it('that nobody wrote wants writes, and neither reads nor signs of life', () => {
    for (const [text, level] of [
      ['jane create gantry.dev tasks n/x', 'Metadata'],
      ['jane create core secrets n/x', 'Metadata'],
      ['jane get core secrets n/x', undefined],
      ['jane update coordination.k8s.io leases n/x', undefined],
      ['jane create authorization.k8s.io selfsubjectaccessreviews', undefined],
      ['jane get /metrics', undefined],
    ] as const) {
      expect(ruleFor(defaultPolicy, asked(text))?.level, text).to.equal(level);
    }
  });

  for (const [text, problem] of [
    ['nonsense: [', 'it is not YAML'],
    ['kind: Policy', 'wanted a document with apiVersion: audit.k8s.io/v1'],
    ['apiVersion: audit.k8s.io/v1\nkind: Policy', 'rules: wanted a list with at least one rule'],
    [
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: All }]',
      'rules[0].level: found "All", wanted one of None, Metadata',
    ],
    [
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: None, user: [x] }]',
      'rules[0].user: unknown field',
    ],
    [
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: None, nonResourceURLs: ["/a*b"] }]',
      'rules[0].nonResourceURLs: found "/a*b", wanted a path',
    ],
    [
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: None, nonResourceURLs: ["/a"], namespaces: [n] }]',
      'rules cannot apply to both regular resources and non-resource URLs',
    ],
  ] as const) {
    it(`is refused when it is ${JSON.stringify(text)}`, () => {
      expect(() => parseAuditPolicy(text)).to.throw(problem);
    });
  }

  it('cannot raise what carries secrets above metadata', () => {
    for (const [group, resource, subresource] of [
      ['', 'secrets', undefined],
      ['', 'secrets', 'status'],
      ['', 'serviceaccounts', 'token'],
      ['authentication.k8s.io', 'tokenreviews', undefined],
    ] as const) {
      const request = {
        verb: 'create',
        group,
        resource,
        ...(subresource === undefined ? {} : { subresource }),
      };
      expect(cappedLevel('RequestResponse', request)).to.equal('Metadata');
      expect(cappedLevel('None', request)).to.equal('None');
    }
    const plain = { verb: 'create', group: '', resource: 'serviceaccounts' };
    expect(cappedLevel('RequestResponse', plain)).to.equal('RequestResponse');
  });
});

describe('The audit log', () => {
  const event = (auditID: string, rest: Partial<AuditEvent> = {}): AuditEvent => ({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID,
    stage: 'ResponseComplete',
    verb: 'create',
    user: { username: 'jane' },
    requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
    stageTimestamp: '2026-01-01T00:00:00.000000Z',
    ...rest,
  });
  let directory: string;
  let clock: FakeClock;
  let metrics: Metrics;
  let said: string[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-audit-'));
    clock = new FakeClock();
    metrics = newMetrics();
    said = [];
  });
  afterEach(() => rm(directory, { recursive: true }));

  const openTrail = (options: { maxBytes?: number; path?: string } = {}): Promise<AuditTrail> =>
    AuditTrail.open({
      path: options.path ?? join(directory, 'audit.log'),
      maxBytes: options.maxBytes ?? 100_000_000,
      maxBackups: 2,
      clock,
      log: pino({ level: 'warn' }, { write: (line: string) => void said.push(line) }),
      metrics,
    });
  const linesIn = async (name: string): Promise<string[]> =>
    (await readFile(join(directory, name), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as AuditEvent).auditID);

  it('holds every event in order, also what came last before the end, and goes on where it ended', async () => {
    const first = await openTrail();
    const ids = Array.from({ length: 450 }, (_, index) => `a${index}`);
    for (const id of ids) first.write(event(id));
    await first.close();
    expect(await linesIn('audit.log')).to.deep.equal(ids);
    metrics = newMetrics();
    const second = await openTrail();
    second.write(event('b'));
    await second.close();
    expect(await linesIn('audit.log')).to.deep.equal([...ids, 'b']);
    expect((await stat(join(directory, 'audit.log'))).mode & 0o777).to.equal(0o600);
    expect(await metrics.metrics()).to.include('apiserver_audit_event_total 1');
  });

  it('is put aside when it is full, and only so many are kept', async () => {
    const trail = await openTrail({ maxBytes: 300 });
    for (let turn = 0; turn < 5; turn++) {
      trail.write(event(`x${turn}`, { requestURI: 'u'.repeat(300) }));
      clock.advance(1_000);
      // The write is under way: the next turn waits for it.
      await trail.close();
    }
    const names = (await readdir(directory)).sort();
    expect(names.filter((name) => name.startsWith('audit-'))).to.have.length(2);
    const [older = '', newer = ''] = names;
    expect(await linesIn(older)).to.deep.equal(['x3']);
    expect(await linesIn(newer)).to.deep.equal(['x4']);
  });

  it('leaves out bodies that are too large, and says so in the event', async () => {
    const trail = await openTrail();
    trail.write(event('big', { level: 'Request', requestObject: { a: 'x'.repeat(300_000) } }));
    await trail.close();
    const written: unknown = JSON.parse(await readFile(join(directory, 'audit.log'), 'utf8'));
    expect(written).to.deep.include({ auditID: 'big', annotations: { 'audit.k8s.io/truncated': 'true' } });
    expect(written).not.to.have.property('requestObject');
  });

  it('counts and says what it lost: a full buffer, a file that cannot be written', async () => {
    const trail = await openTrail();
    for (let index = 0; index < 10_050; index++) trail.write(event(`e${index}`));
    expect(await metrics.metrics()).to.include('apiserver_audit_error_total{reason="buffer_full"} 50');
    expect(said).to.have.length(1);
    expect(said[0]).to.include('audit events were lost');
    await trail.close();
    expect(await linesIn('audit.log')).to.have.length(10_000);
    await rm(directory, { recursive: true });
    trail.write(event('lost'));
    await trail.close();
    expect(await metrics.metrics()).to.include('apiserver_audit_error_total{reason="write_failed"} 1');
    directory = await mkdtemp(join(tmpdir(), 'gantry-audit-'));
  });

  it('that cannot be written is said at the start', async () => {
    const problem = await openTrail({ path: '/dev/null/audit.log' }).then(
      String,
      (error: Error) => error.message,
    );
    expect(problem).to.match(/^cannot write the audit log \/dev\/null\/audit\.log: /);
  });
});
