/** Secrets of every kind go through a real Gantry that logs all it can; none of them is in its log, nor in its audit. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isLeftOut, prepareEngine } from '../runtime/sample-engine.ts';
import { eventually, GantryProcess, type Output } from './process.ts';

/** Each as it is given, so that it can be told which way it came. */
const SECRET = {
  data: 'opensesame-data',
  stringData: 'opensesame-string-data',
  registry: 'opensesame-registry',
  header: 'opensesame-header-token',
  query: 'opensesame-query-token',
  basic: 'opensesame-basic',
  subprotocol: 'opensesame-subprotocol',
  command: 'opensesame-command',
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const dockerConfig = {
  auths: {
    'registry.invalid': {
      username: 'ann',
      password: SECRET.registry,
      auth: base64(`ann:${SECRET.registry}`),
    },
  },
};
const MANIFESTS = [
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'plain' }, data: { password: base64(SECRET.data) } },
  // A number where text is wanted: the refusal names the field and not what was in the others.
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'wrong' },
    stringData: { a: SECRET.stringData, b: 7 },
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'registry' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(JSON.stringify(dockerConfig)) },
  },
  {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name: 'user' },
    spec: {
      image: 'gantry/hello:1',
      env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'plain', key: 'password' } } }],
    },
  },
  {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name: 'puller' },
    spec: { image: 'registry.invalid/app:1', imagePullSecrets: [{ name: 'registry' }] },
  },
];

(isLeftOut ? describe.skip : describe)('what must not be in a log', function () {
  this.timeout(90_000);
  let gantry: GantryProcess;
  before(async () => {
    await prepareEngine();
    gantry = await GantryProcess.open({ env: { GANTRY_LOG_LEVEL: 'trace' } });
  });
  after(() => gantry?.dispose());

  const kubectl = (words: readonly string[], input?: string): Promise<Output> => gantry.kubectl(words, input);
  const run = async (words: string): Promise<string> => (await kubectl(words.split(' '))).stdout;

  it('is not there, whichever way it came, while the lines around it are', async () => {
    for (const manifest of MANIFESTS) await kubectl(['apply', '-f', '-'], JSON.stringify(manifest));
    await eventually('the task that uses the Secret runs', async () =>
      /Running/.test(await run('get task user')) ? true : undefined,
    );
    await eventually('the pull failed', async () =>
      /ErrImagePull|ImagePullBackOff/.test(await run('describe task puller')) ? true : undefined,
    );
    const said = await kubectl(['exec', 'user', '--', 'echo', SECRET.command]);
    expect(said.stdout, said.stderr).to.include(SECRET.command);
    const server = [
      '--server',
      `https://127.0.0.1:${gantry.securePort}`,
      '--insecure-skip-tls-verify',
      '--kubeconfig',
      '/dev/null',
    ];
    const refused = await kubectl([...server, '--token', SECRET.header, 'get', 'tasks']);
    expect(refused.code, refused.stderr).not.to.equal(0);
    const login = await kubectl([...server, '--username', 'ann', '--password', SECRET.basic, 'get', 'tasks']);
    expect(login.code).not.to.equal(0);
    const manager = `http://127.0.0.1:${gantry.managerPort}`;
    await fetch(`${manager}/tasks?access_token=${SECRET.query}&token=${SECRET.query}`);
    await fetch(`${manager}/tasks`, {
      headers: {
        'Sec-WebSocket-Protocol': `base64url.bearer.authorization.k8s.io.${base64(SECRET.subprotocol)}`,
      },
    });
    const minted = await gantry.gantry(['token', 'create', '--user', 'ann', '--ttl', '1h']);
    const token = minted.stdout.trim().split('\n').at(-1) ?? '';
    expect(token).to.match(/^eyJ/);
    await kubectl([...server, '--token', token, 'get', 'tasks']);
    await gantry.gantry(['token', 'revoke', token]);
    await kubectl([...server, '--token', token, 'get', 'tasks']);

    await eventually('all of it is logged', () => (gantry.log.includes('/exec') ? true : undefined));
    await gantry.stop();
    const written = `${gantry.log}\n${readFileSync(join(gantry.home, 'audit', 'audit.log'), 'utf8')}`;
    expect(written).to.include('tasks.gantry.dev/default/user').and.include('"user":"ann"');
    const { command: commandArgument, ...others } = SECRET;
    const secrets = [...Object.values(others), token];
    const found = secrets.filter((secret) => written.includes(secret) || written.includes(base64(secret)));
    expect(found).to.deep.equal([]);
    // Kubernetes' audit has whole request URIs, on purpose; the log has not.
    expect(gantry.log).not.to.include(commandArgument);
  });
});
