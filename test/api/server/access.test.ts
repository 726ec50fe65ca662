/** Who asks and what they may, over the wire: tokens, impersonation, reviews, refusals, and what the audit hears. */
import { expect } from 'chai';
import { parseAuditPolicy } from '../../../api/registry/access/audit/policy.ts';
import { clusterRoleBindings, roleBindings } from '../../../schemas/kinds.ts';
import { type AccessRig, openAccessRig } from './accessrig.ts';
import { type Answer, at } from './harness.ts';

const RBAC = 'rbac.authorization.k8s.io';
const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const SECRETS = '/api/v1/namespaces/default/secrets';

async function bind(rig: AccessRig, name: string, role: string, subject: object): Promise<void> {
  await rig.world.admin.create(roleBindings, {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace: 'default' },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'User', name: '', ...subject }],
  });
}

const review = (group: string, kind: string, spec?: object, version = 'v1'): { body: object } => ({
  body: { apiVersion: `${group}/${version}`, kind, ...(spec === undefined ? {} : { spec }) },
});

async function whoami(rig: AccessRig, token: string, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await rig.ask(token, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    ...review('authentication.k8s.io', 'SelfSubjectReview'),
    headers,
  });
  expect(answer.status, answer.text).to.equal(201);
  return at(answer.json(), 'status.userInfo');
}

/** The wire takes real time, at most 5 s here. */
async function eventually(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries === 500) throw new Error('waited 5 s in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function refused(answer: Answer, code: number): string {
  expect(answer.status, answer.text).to.equal(code);
  return String(answer.json()['message']);
}

describe('Authentication over the wire', () => {
  let rig: AccessRig;
  before(async () => {
    rig = await openAccessRig();
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot' } };
    const made = await rig.ask('admin-token', 'POST', '/api/v1/namespaces/default/serviceaccounts', {
      body: account,
    });
    expect(made.status, made.text).to.equal(201);
  });
  after(() => rig.close());

  it('answers nobody, and whoever sends a bad token, with 401', async () => {
    const nobody = await rig.ask(undefined, 'GET', TASKS);
    expect(nobody.json()).to.deep.equal({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
    expect(nobody.headers['www-authenticate']).to.equal('Bearer realm="gantry"');
    const wrong = await rig.ask('wrong', 'GET', TASKS);
    expect(refused(wrong, 401)).to.equal('Unauthorized');
    expect(wrong.headers['www-authenticate']).to.equal('Bearer realm="gantry", error="invalid_token"');
    expect((await rig.ask(undefined, 'GET', '/version')).status).to.equal(200);
  });

  it('knows static and signed tokens', async () => {
    expect(await whoami(rig, 'jane-token')).to.deep.equal({
      username: 'jane',
      uid: 'uid-jane',
      groups: ['dev', 'ops', 'system:authenticated'],
    });
    const { token, id } = await rig.authority.sign({ user: 'ann', groups: ['x'], audiences: ['gantry'] }, 60);
    expect(await whoami(rig, token)).to.deep.equal({
      username: 'ann',
      groups: ['x', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${id}`] },
    });
  });

  it('takes a token from a WebSocket protocol', async () => {
    const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from('jane-token').toString('base64url')}`;
    const headers = { 'Sec-WebSocket-Protocol': `v5.channel.k8s.io, ${protocol}` };
    expect((await rig.ask(undefined, 'GET', '/apis', { headers })).status).to.equal(200);
  });

  const request = (spec: object): { body: object } => review('authentication.k8s.io', 'TokenRequest', spec);
  const issue = (name: string, spec: object): Promise<Answer> =>
    rig.ask('admin-token', 'POST', `/api/v1/namespaces/default/serviceaccounts/${name}/token`, request(spec));

  it('makes tokens of service accounts, which end with the account', async () => {
    const answer = await issue('bot', { expirationSeconds: 600 });
    expect(answer.status, answer.text).to.equal(201);
    const token = String(at(answer.json(), 'status.token'));
    const account = await rig.ask('admin-token', 'GET', '/api/v1/namespaces/default/serviceaccounts/bot');
    const me = await whoami(rig, token);
    expect(me).to.deep.include({
      username: 'system:serviceaccount:default:bot',
      uid: at(account.json(), 'metadata.uid'),
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    });
    const asked = await rig.ask('admin-token', 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      ...review('authentication.k8s.io', 'TokenReview', { token }),
    });
    expect(at(asked.json(), 'status.authenticated')).to.equal(true);
    expect(at(asked.json(), 'status.audiences')).to.deep.equal(['gantry']);
    await rig.ask('admin-token', 'DELETE', '/api/v1/namespaces/default/serviceaccounts/bot');
    const account2 = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot' } };
    await rig.ask('admin-token', 'POST', '/api/v1/namespaces/default/serviceaccounts', { body: account2 });
    expect((await rig.ask(token, 'GET', '/apis')).status).to.equal(401);
    const again = await rig.ask('admin-token', 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      ...review('authentication.k8s.io', 'TokenReview', { token }),
    });
    expect(again.json()['status']).to.deep.equal({
      authenticated: false,
      user: {},
      error: 'service account token has been invalidated',
    });
  });

  it('keeps the rules of a TokenRequest', async () => {
    expect(refused(await issue('bot', { expirationSeconds: 60 }), 422)).to.include(
      'spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
    );
    expect(refused(await issue('bot', { expirationSeconds: 2 ** 32 + 1 }), 422)).to.include(
      'may not specify a duration larger than 2^32 seconds',
    );
    expect(refused(await issue('no', {}), 404)).to.equal('serviceaccounts "no" not found');
    const pod = { kind: 'Pod', apiVersion: 'v1', name: 'x' };
    expect(refused(await issue('bot', { boundObjectRef: pod }), 400)).to.include(
      'cannot bind token to object of type',
    );
    const other = await issue('bot', { audiences: ['vault'] });
    const token = String(at(other.json(), 'status.token'));
    expect((await rig.ask(token, 'GET', '/apis')).status).to.equal(401);
  });

  it('makes no token in a dry run, and checks as if it did', async () => {
    const path = '/api/v1/namespaces/default/serviceaccounts/bot/token?dryRun=All';
    const answer = await rig.ask('admin-token', 'POST', path, request({ expirationSeconds: 600 }));
    expect(answer.status, answer.text).to.equal(201);
    expect(at(answer.json(), 'status.token')).to.equal('');
    const end = Math.floor(rig.world.clock.now() / 1000) + 600;
    expect(Date.parse(String(at(answer.json(), 'status.expirationTimestamp')))).to.equal(end * 1000);
    const refusal = await rig.ask('admin-token', 'POST', path, request({ expirationSeconds: 60 }));
    expect(refused(refusal, 422)).to.include('less than 10 minutes');
  });

  it('ends a token with the Secret it is bound to', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'holder' } };
    await rig.ask('admin-token', 'POST', SECRETS, { body: secret });
    const boundObjectRef = { kind: 'Secret', apiVersion: 'v1', name: 'holder' };
    const token = String(at((await issue('bot', { boundObjectRef })).json(), 'status.token'));
    await whoami(rig, token);
    await rig.ask('admin-token', 'DELETE', `${SECRETS}/holder`);
    expect((await rig.ask(token, 'GET', '/apis')).status).to.equal(401);
  });
});

describe('Acting as somebody else', () => {
  let rig: AccessRig;
  before(async () => {
    rig = await openAccessRig();
    await rig.world.admin.create(clusterRoleBindings, {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'jane-edits' },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'edit' },
      subjects: [{ kind: 'User', name: 'jane' }],
    });
  });
  after(() => rig.close());

  it('is what the administrator may', async () => {
    const headers = {
      'Impersonate-User': 'ann',
      'Impersonate-Group': 'a,b',
      'Impersonate-Uid': 'u',
      'Impersonate-Extra-Example.com%2FScope': 'view',
    };
    expect(await whoami(rig, 'admin-token', headers)).to.deep.equal({
      username: 'ann',
      uid: 'u',
      groups: ['a,b', 'system:authenticated'],
      extra: { 'example.com/scope': ['view'] },
    });
    expect(
      await whoami(rig, 'admin-token', { 'Impersonate-User': 'system:serviceaccount:n:bot' }),
    ).to.deep.equal({
      username: 'system:serviceaccount:n:bot',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:n', 'system:authenticated'],
    });
  });

  it('is refused to whoever has no rule for it, in the words of the apiserver', async () => {
    const as = async (headers: Record<string, string>): Promise<string> =>
      refused(await rig.ask('jane-token', 'GET', TASKS, { headers }), 403);
    expect(await as({ 'Impersonate-User': 'ann' })).to.equal(
      'users "ann" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
    const bot = { 'Impersonate-User': 'system:serviceaccount:default:bot' };
    expect(await as({ ...bot, 'Impersonate-Group': 'system:masters' })).to.equal(
      'groups "system:masters" is forbidden: User "jane" cannot impersonate resource "groups" in API group "" at the cluster scope',
    );
    expect(await as({ ...bot, 'Impersonate-Extra-Scopes': 'x' })).to.equal(
      'userextras.authentication.k8s.io "x" is forbidden: User "jane" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
    );
    expect(await as(bot)).to.include('User "system:serviceaccount:default:bot" cannot list resource "tasks"');
  });

  it('needs a user', async () => {
    const headers = { 'Impersonate-Group': 'system:masters' };
    refused(await rig.ask('admin-token', 'GET', TASKS, { headers }), 400);
    refused(await rig.ask('admin-token', 'GET', TASKS, { headers: { 'Impersonate-Future': 'x' } }), 400);
  });

  it('is told to the audit with both', async () => {
    rig.events.length = 0;
    await rig.ask('admin-token', 'DELETE', `${TASKS}/x`, { headers: { 'Impersonate-User': 'ann' } });
    const [event] = rig.events;
    expect(event?.user.username).to.equal('root');
    expect(event?.impersonatedUser?.username).to.equal('ann');
    expect(event?.responseStatus).to.include({ code: 403, reason: 'Forbidden' });
    rig.events.length = 0;
    await rig.ask('jane-token', 'DELETE', `${TASKS}/x`, { headers: { 'Impersonate-User': 'ann' } });
    expect(
      rig.events.map(({ verb, user, objectRef }) => [verb, user.username, objectRef?.['resource']]),
    ).to.deep.equal([['impersonate', 'jane', 'users']]);
  });
});

describe('Access reviews', () => {
  let rig: AccessRig;
  before(async () => {
    rig = await openAccessRig();
    await bind(rig, 'jane-views', 'view', { name: 'jane' });
  });
  after(() => rig.close());

  const ask = async (token: string, kind: string, spec: object, path?: string): Promise<Answer> =>
    rig.ask(
      token,
      'POST',
      path ?? `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`,
      review('authorization.k8s.io', kind, spec),
    );
  const tasks = { group: 'gantry.dev', resource: 'tasks', namespace: 'default' };

  it('say what whoever asks may', async () => {
    const may = async (resourceAttributes: object): Promise<unknown> =>
      (await ask('jane-token', 'SelfSubjectAccessReview', { resourceAttributes })).json()['status'];
    expect(await may({ ...tasks, verb: 'list' })).to.deep.equal({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "jane-views/default" of ClusterRole "view" to User "jane"',
    });
    expect(await may({ ...tasks, verb: 'delete' })).to.deep.equal({ allowed: false });
    expect(await may({ ...tasks, verb: 'get', subresource: 'log', name: 'x' })).to.include({ allowed: true });
    expect(await may({ verb: '*', group: '*', resource: '*' })).to.deep.equal({ allowed: false });
    const path = { path: '/metrics', verb: 'get' };
    const answer = await ask('jane-token', 'SelfSubjectAccessReview', { nonResourceAttributes: path });
    expect(answer.json()['status']).to.deep.equal({ allowed: false });
    const masters = await ask('admin-token', 'SelfSubjectAccessReview', {
      resourceAttributes: { verb: '*', group: '*', resource: '*' },
    });
    expect(masters.json()['status']).to.deep.equal({ allowed: true });
  });

  it('list the rules of whoever asks', async () => {
    const answer = await ask('jane-token', 'SelfSubjectRulesReview', { namespace: 'default' });
    const status = answer.json()['status'];
    expect(status).to.deep.include({ incomplete: false });
    const rules = at(status, 'resourceRules');
    expect(rules).to.deep.include({
      verbs: ['get', 'list', 'watch'],
      apiGroups: ['apps'],
      resources: ['controllerrevisions'],
    });
    expect(JSON.stringify(at(status, 'nonResourceRules'))).to.include('/openapi/*');
    const elsewhere = await ask('jane-token', 'SelfSubjectRulesReview', { namespace: 'other' });
    expect(JSON.stringify(elsewhere.json())).not.to.include('controllerrevisions');
    expect(refused(await ask('jane-token', 'SelfSubjectRulesReview', {}), 400)).to.equal(
      'no namespace on request',
    );
  });

  it('about others are for whoever may ask them', async () => {
    const spec = { user: 'jane', resourceAttributes: { ...tasks, verb: 'list' } };
    expect(refused(await ask('joe-token', 'SubjectAccessReview', spec), 403)).to.equal(
      'subjectaccessreviews.authorization.k8s.io is forbidden: User "joe" cannot create resource "subjectaccessreviews" in API group "authorization.k8s.io" at the cluster scope',
    );
    expect(at((await ask('admin-token', 'SubjectAccessReview', spec)).json(), 'status.allowed')).to.equal(
      true,
    );
    const local = '/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews';
    expect(
      at((await ask('admin-token', 'LocalSubjectAccessReview', spec, local)).json(), 'status.allowed'),
    ).to.equal(true);
    const elsewhere = local.replace('default', 'other');
    expect(refused(await ask('admin-token', 'LocalSubjectAccessReview', spec, elsewhere), 422)).to.include(
      'spec.resourceAttributes.namespace: Invalid value: "default": must match metadata.namespace',
    );
  });

  it('must ask one thing', async () => {
    const wrong = async (kind: string, spec: object): Promise<string> =>
      refused(await ask('admin-token', kind, spec), 422);
    expect(await wrong('SelfSubjectAccessReview', {})).to.include(
      'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
    expect(
      await wrong('SelfSubjectAccessReview', {
        resourceAttributes: tasks,
        nonResourceAttributes: { path: '/' },
      }),
    ).to.include('cannot be specified in combination with resourceAttributes');
    expect(await wrong('SubjectAccessReview', { resourceAttributes: tasks })).to.include(
      'spec.user: Invalid value: "": at least one of user or group must be specified',
    );
    await wrong('SelfSubjectAccessReview', { resourceAttributes: { verb: 7 } });
  });

  it('are found by every kubectl: whoami also under its older versions', async () => {
    for (const version of ['v1', 'v1beta1', 'v1alpha1']) {
      const path = `/apis/authentication.k8s.io/${version}/selfsubjectreviews`;
      const body = review('authentication.k8s.io', 'SelfSubjectReview', undefined, version);
      const answer = await rig.ask('joe-token', 'POST', path, body);
      expect(answer.status, answer.text).to.equal(201);
      expect(at(answer.json(), 'status.userInfo.username')).to.equal('joe');
    }
    expect(
      (await rig.ask('joe-token', 'GET', '/apis/authentication.k8s.io/v1/selfsubjectreviews')).status,
    ).to.equal(405);
  });
});

describe('The audit over the wire', () => {
  const everything = parseAuditPolicy(
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: RequestResponse }]\n',
  );
  let rig: AccessRig;
  before(async () => {
    rig = await openAccessRig(everything);
  });
  after(() => rig.close());
  beforeEach(() => {
    rig.events.length = 0;
  });

  it('hears the whole story of a request, by its id', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { a: 'b' } };
    const answer = await rig.ask(
      'jane-token',
      'POST',
      '/api/v1/namespaces/default/configmaps?fieldManager=me',
      { body, headers: { 'User-Agent': 'test/1' } },
    );
    expect(answer.status).to.equal(403);
    const made = await rig.ask(
      'admin-token',
      'POST',
      '/api/v1/namespaces/default/configmaps?fieldManager=me',
      { body, headers: { 'User-Agent': 'test/1' } },
    );
    const [received, ended, , done] = rig.events;
    expect(received?.stage).to.equal('RequestReceived');
    expect(ended?.responseStatus).to.include({ code: 403 });
    expect(ended?.auditID).to.equal(answer.headers['audit-id']);
    expect(done).to.deep.include({
      level: 'RequestResponse',
      stage: 'ResponseComplete',
      verb: 'create',
      requestURI: '/api/v1/namespaces/default/configmaps?fieldManager=me',
      sourceIPs: ['127.0.0.1'],
      userAgent: 'test/1',
      objectRef: { resource: 'configmaps', namespace: 'default', name: 'c', apiVersion: 'v1' },
      auditID: made.headers['audit-id'],
      requestObject: body,
      responseStatus: { metadata: {}, code: 201 },
    });
    expect(at(done?.responseObject, 'metadata.uid')).to.be.a('string');
    expect(done?.requestReceivedTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('hears also of writes to a view that are refused before they are one to what is behind it', async () => {
    const manifest = { apiVersion: 'gantry.dev/v1', kind: 'Task', spec: { image: 'x' } };
    const task = { ...manifest, metadata: { name: 'seen', namespace: 'default' } };
    await rig.ask('admin-token', 'POST', '/apis/gantry.dev/v1/namespaces/default/tasks', { body: task });
    const pod = '/api/v1/namespaces/default/pods/seen';
    const headers = { 'Content-Type': 'application/merge-patch+json' };
    const preconditions = { uid: 'another' };
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', deleteOptions: { preconditions } };
    for (const [verb, method, path, body, code] of [
      ['patch', 'PATCH', pod, { spec: { nodeName: 'w' } }, 422],
      ['patch', 'PATCH', pod, { metadata: { resourceVersion: '1' } }, 409],
      ['create', 'POST', `${pod}/eviction`, eviction, 409],
      ['delete', 'DELETE', pod, { preconditions }, 409],
    ] as const) {
      rig.events.length = 0;
      const answer = await rig.ask('admin-token', method, path, {
        body: JSON.stringify(body),
        ...(method === 'PATCH' ? { headers } : {}),
      });
      expect(answer.status, answer.text).to.equal(code);
      const told = rig.events.find(({ objectRef }) => objectRef?.['resource'] === 'pods');
      expect(rig.events.at(-1), verb).to.include({ verb, requestURI: path, stage: 'ResponseComplete' });
      expect(rig.events.at(-1)?.responseStatus).to.include({ code });
      expect(told?.objectRef).to.include({ namespace: 'default', name: 'seen' });
    }
    rig.events.length = 0;
    const body = JSON.stringify({ metadata: { labels: { a: 'b' } } });
    expect((await rig.ask('admin-token', 'PATCH', pod, { body, headers })).status).to.equal(200);
    expect(
      rig.events.filter(({ verb }) => verb !== 'get').map(({ objectRef }) => objectRef?.['resource']),
    ).to.deep.equal(['tasks', 'tasks']);
  });

  it('never hears a secret, whatever its policy', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      stringData: { a: 'the-secret' },
    };
    const made = await rig.ask('admin-token', 'POST', SECRETS, { body: secret });
    expect(made.status, made.text).to.equal(201);
    await rig.ask('admin-token', 'GET', SECRETS);
    await rig.ask('admin-token', 'PATCH', `${SECRETS}/s`, {
      body: JSON.stringify({ stringData: { a: 'the-secret' } }),
      headers: { 'Content-Type': 'application/merge-patch+json' },
    });
    await rig.ask('admin-token', 'POST', SECRETS, { body: { ...secret, data: { 'the-secret?': 'x' } } });
    await rig.ask('admin-token', 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      ...review('authentication.k8s.io', 'TokenReview', { token: 'jane-token' }),
    });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot' } };
    await rig.ask('admin-token', 'POST', '/api/v1/namespaces/default/serviceaccounts', { body: account });
    const issued = await rig.ask(
      'admin-token',
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/bot/token',
      review('authentication.k8s.io', 'TokenRequest', {}),
    );
    const token = String(at(issued.json(), 'status.token'));
    const told = JSON.stringify(rig.events);
    expect(rig.events.length).to.be.greaterThan(10);
    for (const secretText of [
      'the-secret',
      Buffer.from('the-secret').toString('base64'),
      'jane-token',
      token,
      'admin-token',
    ]) {
      expect(told).not.to.include(secretText);
    }
  });

  it('hears of paths, of nobody, and of watches when they begin and end', async () => {
    await rig.ask(undefined, 'GET', '/apis');
    await rig.ask('jane-token', 'GET', '/metrics');
    await rig.ask('admin-token', 'GET', '/apis');
    const rows = rig.events.map(({ stage, verb, user, requestURI, responseStatus, objectRef }) => [
      stage,
      verb,
      user.username,
      requestURI,
      responseStatus?.['code'],
      objectRef,
    ]);
    expect(rows.filter(([stage]) => stage === 'ResponseComplete')).to.deep.equal([
      ['ResponseComplete', 'get', undefined, '/apis', 401, undefined],
      ['ResponseComplete', 'get', 'jane', '/metrics', 403, undefined],
      ['ResponseComplete', 'get', 'root', '/apis', 200, undefined],
    ]);
    rig.events.length = 0;
    const watch = rig.ask('admin-token', 'GET', `${TASKS}?watch=true&timeoutSeconds=1`);
    await eventually(() => rig.events.some(({ stage }) => stage === 'ResponseStarted'));
    let isOver = false;
    void watch.then(() => {
      isOver = true;
    });
    await eventually(() => {
      rig.world.clock.advance(1_000);
      return isOver;
    });
    expect((await watch).status).to.equal(200);
    expect(
      rig.events.map(({ stage, verb, objectRef }) => [stage, verb, objectRef?.['resource']]),
    ).to.deep.equal([
      ['RequestReceived', 'watch', 'tasks'],
      ['ResponseStarted', 'watch', 'tasks'],
      ['ResponseComplete', 'watch', 'tasks'],
    ]);
  });
});
