/** What Secrets for registries hold, and which images it is for: Kubernetes' rules as rows. */
import { expect } from 'chai';
import { imageProblem, repositoryOf } from '../../../controllers/task/planning/image.ts';
import {
  authsFor,
  parseDockerConfig,
  registryAuthsOf,
} from '../../../controllers/task/planning/registryauth.ts';
import type { RegistryAuth } from '../../../machinery/runtime.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const config = (auths: object): string => JSON.stringify({ auths });

function parsed(text: string): readonly RegistryAuth[] {
  const auths = parseDockerConfig(text);
  if (typeof auths === 'string') throw new Error(auths);
  return auths;
}

describe('credentials for registries', () => {
  it('are read from auth, from username and password, and from an identity token', () => {
    const auths = parsed(
      config({
        'a.example': { auth: base64('ann:pass:word') },
        'b.example': { username: 'bob', password: 'b', email: 'b@b.example' },
        'c.example': { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'token' },
        'd.example': { auth: base64('dan:d'), username: 'other', password: 'other' },
      }),
    );
    expect(auths).to.deep.equal([
      { registry: 'a.example', username: 'ann', password: 'pass:word' },
      { registry: 'b.example', username: 'bob', password: 'b' },
      {
        registry: 'c.example',
        username: '00000000-0000-0000-0000-000000000000',
        password: '',
        identityToken: 'token',
      },
      { registry: 'd.example', username: 'dan', password: 'd' },
    ]);
  });

  it('are read from both forms of Secrets', () => {
    const entries = { 'a.example': { username: 'ann', password: 'a' } };
    const wanted = [{ registry: 'a.example', username: 'ann', password: 'a' }];
    expect(registryAuthsOf({ '.dockerconfigjson': base64(config(entries)) })).to.deep.equal(wanted);
    expect(registryAuthsOf({ '.dockercfg': base64(JSON.stringify(entries)) })).to.deep.equal(wanted);
    expect(registryAuthsOf({ other: '' })).to.match(/no key .dockerconfigjson/);
    expect(registryAuthsOf(undefined)).to.match(/no key .dockerconfigjson/);
    expect(parseDockerConfig('{}')).to.deep.equal([]);
  });

  const broken: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', 'secret words', /^it is not JSON$/],
    ['a list', '[]', /not an object of registries/],
    ['auths that are a list', '{"auths":[]}', /not an object of registries/],
    ['an entry that is text', config({ a: 'secret' }), /"a" is not an object/],
    [
      'an auth without a colon',
      config({ a: { auth: base64('secret') } }),
      /"a" has an auth that is not base64/,
    ],
    [
      'a password that is a number',
      config({ a: { username: 'a', password: 7 } }),
      /"a" has a username or password/,
    ],
    [
      'what docker login leaves with a credential store',
      config({ a: {} }),
      /"a" has neither auth nor username/,
    ],
  ];
  for (const [what, text, problem] of broken) {
    it(`say what is wrong with ${what}, and nothing of its contents`, () => {
      const found = parseDockerConfig(text);
      expect(found).to.be.a('string').and.match(problem);
      expect(found).to.not.include('secret');
    });
  }

  it('with some entries in a credential store are those that are here', () => {
    expect(
      parsed(config({ a: {}, b: { username: 'b', password: 'b' } })).map(({ registry }) => registry),
    ).to.deep.equal(['b']);
  });

  const rows: readonly { key: string; yes: readonly string[]; no: readonly string[] }[] = [
    {
      key: 'https://index.docker.io/v1/',
      yes: [
        'busybox',
        'library/busybox:1',
        'team/app@sha256:' + 'a'.repeat(64),
        'docker.io/team/app',
        'index.docker.io/x',
      ],
      no: ['r.example/busybox', 'localhost/busybox', 'localhost:5000/busybox'],
    },
    { key: 'docker.io', yes: ['busybox', 'docker.io/team/app'], no: ['ghcr.io/busybox'] },
    {
      key: 'r.example',
      yes: ['r.example/app', 'r.example/team/app:1'],
      no: ['r.example:5000/app', 'x.r.example/app', 'app'],
    },
    {
      key: 'http://r.example:5000/',
      yes: ['r.example:5000/app'],
      no: ['r.example/app', 'r.example:5001/app'],
    },
    { key: 'https://r.example/v2/', yes: ['r.example/app'], no: [] },
    { key: 'R.Example', yes: ['r.example/app'], no: [] },
    { key: 'r.example/team', yes: ['r.example/team/app', 'r.example/team-two/app'], no: ['r.example/app'] },
    {
      key: '*.example',
      yes: ['r.example/app'],
      no: ['a.r.example/app', 'example/app', 'r.example:5000/app'],
    },
    { key: '*.r.*', yes: ['a.r.example/app'], no: ['r.example/app'] },
    {
      key: 'r-?.example:5000',
      yes: ['r-1.example:5000/app'],
      no: ['r-12.example:5000/app', 'r-.example:5000/app'],
    },
    { key: 'r[0-4].example', yes: ['r3.example/app'], no: ['r7.example/app'] },
    { key: 'r[^0-4].example', yes: ['r7.example/app'], no: ['r3.example/app'] },
    { key: '127.0.0.1:5000', yes: ['127.0.0.1:5000/app'], no: ['127.0.0.2:5000/app'] },
    { key: '[::1]:5000', yes: ['[::1]:5000/app'], no: ['[::2]:5000/app'] },
    { key: 'r(.example', yes: [], no: ['r.example/app', 'r(.example/app'] },
  ];
  for (const { key, yes, no } of rows) {
    it(`of ${key} are for what begins like it`, () => {
      const auths = parsed(config({ [key]: { username: 'u', password: 'p' } }));
      for (const image of yes) expect(authsFor(image, auths), image).to.have.length(1);
      for (const image of no) expect(authsFor(image, auths), image).to.have.length(0);
    });
  }

  it('come with the most particular first, and equal ones in their order', () => {
    const auth = (registry: string, username: string): RegistryAuth => ({ registry, username, password: '' });
    const auths = [
      auth('*.example', '1'),
      auth('r.example', '2'),
      auth('r.example/team', '3'),
      auth('r.example', '4'),
      auth('r.example/team/app', '5'),
    ];
    expect(authsFor('r.example/team/app:1', auths).map(({ username }) => username)).to.deep.equal([
      '5',
      '3',
      '2',
      '4',
      '1',
    ]);
  });
});

describe('an image reference', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const rows: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['busybox', 'docker.io', 'library/busybox'],
    ['gantry/hello:1', 'docker.io', 'gantry/hello'],
    ['localhost/x', 'localhost', 'x'],
    ['localhost:5000/a/b:1', 'localhost:5000', 'a/b'],
    [`ghcr.io/x/y@${digest}`, 'ghcr.io', 'x/y'],
    [`r.example/x:1@${digest}`, 'r.example', 'x'],
    ['Bad', undefined, undefined],
    ['a b', undefined, undefined],
    ['x@sha256:12', undefined, undefined],
    ['r.example/', undefined, undefined],
  ];
  for (const [reference, domain, path] of rows) {
    it(`"${reference}" is ${domain === undefined ? 'none' : `${path} of ${domain}`}`, () => {
      expect(repositoryOf(reference)).to.deep.equal(domain === undefined ? undefined : { domain, path });
      expect(imageProblem(reference) === undefined).to.equal(domain !== undefined);
    });
  }
});
