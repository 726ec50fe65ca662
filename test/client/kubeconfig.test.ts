import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { dump } from 'js-yaml';
import {
  type KubeconfigChoice,
  KubeconfigError,
  loadKubeconfig,
  writeKubeconfig,
} from '../../client/kubeconfig.ts';

describe('client/kubeconfig', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-kubeconfig-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const at = (name: string): string => join(directory, name);
  const load = (choice: Partial<KubeconfigChoice>): ReturnType<typeof loadKubeconfig> =>
    loadKubeconfig({ directory, defaults: [], ...choice });
  const put = (name: string, document: unknown): string => {
    writeFileSync(at(name), typeof document === 'string' ? document : dump(document));
    return at(name);
  };
  const config = (
    user: Record<string, unknown>,
    cluster: Record<string, unknown> = {},
  ): Record<string, unknown> => ({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://example:1', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'blue' } }],
    'current-context': 'x',
  });
  const refusal = async (choice: Partial<KubeconfigChoice>): Promise<string> => {
    const error = await load(choice).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(KubeconfigError);
    return error instanceof KubeconfigError ? error.message : '';
  };

  describe('what gantry writes', () => {
    const admin = {
      server: 'https://127.0.0.1:7443',
      authority: 'CA\n',
      certificate: 'CERT\n',
      key: 'KEY\n',
    };

    it('is read back, is private, and replaces what was there', async () => {
      put('kubeconfig', 'old');
      await writeKubeconfig(at('kubeconfig'), admin);
      expect(statSync(at('kubeconfig')).mode & 0o777).to.equal(0o600);
      const access = await load({ path: 'kubeconfig' });
      expect(access).to.include({
        server: admin.server,
        namespace: 'default',
        context: 'gantry',
        certificateAuthority: 'CA\n',
        certificate: 'CERT\n',
        key: 'KEY\n',
        insecureSkipTlsVerify: false,
      });
      expect(await access.headers?.()).to.deep.equal({});
    });

    it('is understood by kubectl and by client-node', async () => {
      await writeKubeconfig(at('kubeconfig'), admin);
      const view = execFileSync(
        'kubectl',
        [
          'config',
          'view',
          '--minify',
          '-o',
          'jsonpath={.clusters[0].cluster.server}',
          '--kubeconfig',
          at('kubeconfig'),
        ],
        {
          encoding: 'utf8',
        },
      );
      expect(view).to.equal(admin.server);
      const foreign = new KubeConfig();
      foreign.loadFromFile(at('kubeconfig'));
      expect(foreign.getCurrentCluster()?.server).to.equal(admin.server);
      expect(foreign.getCurrentUser()?.keyData).to.equal(Buffer.from('KEY\n').toString('base64'));
    });

    it('says why it cannot be written', async () => {
      const error = await writeKubeconfig(at('nowhere/kubeconfig'), admin).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(KubeconfigError);
      expect(String(error)).to.match(
        /cannot write the kubeconfig .*nowhere\/kubeconfig: no such file or directory/,
      );
    });
  });

  describe('finding', () => {
    it('takes --kubeconfig before KUBECONFIG before the first default that exists', async () => {
      put('own', config({ token: 'own' }));
      put('home', config({ token: 'home' }));
      put('listed', config({ token: 'listed' }));
      put('given', config({ token: 'given' }));
      const defaults = ['absent', 'own', 'home'];
      const tokenOf = async (choice: Partial<KubeconfigChoice>): Promise<string | undefined> =>
        (await (await load({ defaults, ...choice })).headers?.())?.authorization;
      expect(await tokenOf({})).to.equal('Bearer own');
      expect(await tokenOf({ variable: `${at('absent')}:listed` })).to.equal('Bearer listed');
      expect(await tokenOf({ variable: 'listed', path: 'given' })).to.equal('Bearer given');
    });

    it('says where it looked', async () => {
      expect(await refusal({ defaults: ['a', 'b'] })).to.equal(
        `no kubeconfig found (looked for ${at('a')}, ${at('b')}): start Gantry with "gantry up", or name one with --kubeconfig or KUBECONFIG`,
      );
      expect(await refusal({ path: 'a', defaults: [] })).to.match(
        /cannot read the kubeconfig .*\/a: no such file/,
      );
    });

    it('merges a list: the first to name something wins, paths are relative to their own file', async () => {
      mkdirSync(at('sub'));
      put('sub/ca.pem', 'SUBCA');
      put(
        'sub/two',
        config({ token: 'second' }, { server: 'https://two:2', 'certificate-authority': 'ca.pem' }),
      );
      put('one', { users: [{ name: 'u', user: { token: 'first' } }] });
      const access = await load({ variable: 'one:sub/two' });
      expect(access).to.include({
        server: 'https://two:2',
        certificateAuthority: 'SUBCA',
        namespace: 'blue',
      });
      expect(await access.headers?.()).to.deep.equal({ authorization: 'Bearer first' });
      expect(access.files).to.deep.equal([at('one'), at('sub/two')]);
    });
  });

  describe('credentials', () => {
    const rows: [string, Record<string, unknown>, Record<string, string>][] = [
      ['a token', { token: 't' }, { authorization: 'Bearer t' }],
      [
        'a name and password',
        { username: 'n', password: 'p' },
        { authorization: `Basic ${Buffer.from('n:p').toString('base64')}` },
      ],
      ['an impersonated user', { as: 'other' }, { 'impersonate-user': 'other' }],
      ['nothing', {}, {}],
    ];
    for (const [name, user, headers] of rows) {
      it(`can be ${name}`, async () => {
        put('k', config(user));
        expect(await (await load({ path: 'k' })).headers?.()).to.deep.equal(headers);
      });
    }

    it('can be files, and a token file is read anew each time', async () => {
      put('cert.pem', 'C');
      put('key.pem', 'K');
      put('token', 'one\n');
      put(
        'k',
        config(
          { 'client-certificate': 'cert.pem', 'client-key': 'key.pem', tokenFile: 'token' },
          { 'insecure-skip-tls-verify': true, 'tls-server-name': 'n' },
        ),
      );
      const access = await load({ path: 'k' });
      expect(access).to.include({ certificate: 'C', key: 'K', insecureSkipTlsVerify: true, serverName: 'n' });
      expect(await access.headers?.()).to.deep.equal({ authorization: 'Bearer one' });
      put('token', 'two\n');
      expect(await access.headers?.()).to.deep.equal({ authorization: 'Bearer two' });
    });

    it('can come from an exec plugin, through client-node', async () => {
      const credential = {
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { token: 'from-plugin' },
      };
      put('plugin.sh', `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
      put(
        'k',
        config({
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            command: 'sh',
            args: [at('plugin.sh')],
            interactiveMode: 'Never',
          },
        }),
      );
      const access = await load({ path: 'k' });
      expect(await access.headers?.()).to.deep.include({ Authorization: 'Bearer from-plugin' });
    });

    it('say when an exec plugin fails', async () => {
      put(
        'k',
        config({
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            command: 'sh',
            args: ['-c', 'exit 3'],
            interactiveMode: 'Never',
          },
        }),
      );
      expect(await refusal({ path: 'k' })).to.match(/cannot get credentials for context "x" of .*\/k: /);
    });

    it('go through a proxy when the cluster says so', async () => {
      put('k', config({ token: 't' }, { 'proxy-url': 'http://127.0.0.1:9' }));
      const access = await load({ path: 'k' });
      expect(access.agent).to.have.property('sockets');
      expect(await access.headers?.()).to.deep.include({ Authorization: 'Bearer t' });
    });
  });

  describe('mistakes', () => {
    const rows: [string, unknown, RegExp][] = [
      ['broken YAML', 'a: 1\n b: 2\n', /\/k:2:3 is not a kubeconfig: bad indentation/],
      ['no mapping', 'hello', /\/k is not a kubeconfig: wanted a mapping/],
      ['clusters no list', { clusters: {} }, /clusters is not a list/],
      ['a nameless entry', { users: [{ user: {} }] }, /an entry of users has no name/],
      [
        'no current context',
        { contexts: [{ name: 'x' }] },
        /has no current-context: choose one with --context \(there are: x\)/,
      ],
      [
        'a context without its cluster',
        { ...config({}), clusters: [] },
        /names the cluster "c", which is not there/,
      ],
      [
        'a cluster without a server',
        config({}, { server: '' }),
        /names the cluster "c", which has no server/,
      ],
      ['a context without its user', { ...config({}), users: [] }, /names the user "u", which is not there/],
      [
        'a missing file',
        config({ 'client-key': 'nope.pem' }),
        /cannot read the client-key .*\/nope\.pem: no such file/,
      ],
    ];
    for (const [name, document, message] of rows) {
      it(`names ${name}`, async () => {
        put('k', document);
        expect(await refusal({ path: 'k' })).to.match(message);
      });
    }

    it('names an unknown --context', async () => {
      put('k', config({}));
      expect(await refusal({ path: 'k', context: 'z' })).to.match(/has no context "z": there are x/);
    });
  });
});
