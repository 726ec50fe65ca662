/** What makes a revision, and how templates name what it holds. */
import { expect } from 'chai';
import { newRevision } from '../../../controllers/revisions/revision.ts';
import {
  dataHash,
  revisionData,
  type SnapshotInput,
  snapshotName,
  snapshotTemplate,
  type TaskSetRevisionData,
  templateInputs,
} from '../../../controllers/revisions/snapshots.ts';
import { normalizedTemplate } from '../../../controllers/revisions/template.ts';
import { taskSets } from '../../../schemas/kinds.ts';
import type { ControllerRevision, TaskSet } from '../../../schemas/types.gen.ts';

type Template = TaskSet['spec']['template'];

const of = (spec: Partial<Template['spec']>): Template => ({ spec: { image: 'web:1', ...spec } });
const input = (name: string, hash: string): SnapshotInput => ({
  kind: 'configmaps',
  name,
  hash,
  snapshot: `${name}-${hash}`,
});
const env = (name: string) => [{ name: 'A', valueFrom: { configMapKeyRef: { name, key: 'a' } } }];

function revisionOf(data: TaskSetRevisionData): ControllerRevision {
  const owner = { apiVersion: 'gantry.dev/v1', kind: 'TaskSet', metadata: { name: 'web', uid: 'u' } };
  return newRevision({ resource: taskSets, owner, hash: dataHash(data), data: { ...data }, revision: 1 });
}

describe('normalizedTemplate', () => {
  const rows: readonly { readonly name: string; readonly given: Template; readonly kept: Template }[] = [
    {
      name: 'nothing but what was asked for stays',
      given: of({ command: ['x'] }),
      kept: of({ command: ['x'] }),
    },
    {
      name: 'a default goes, at any depth',
      given: of({ restartPolicy: 'Always', ports: [{ containerPort: 80, protocol: 'TCP' }] }),
      kept: of({ ports: [{ containerPort: 80 }] }),
    },
    {
      name: 'another value than the default stays',
      given: of({ ports: [{ containerPort: 80, protocol: 'UDP' }] }),
      kept: of({ ports: [{ containerPort: 80, protocol: 'UDP' }] }),
    },
    {
      name: 'what is empty and means something stays',
      given: of({ volumes: [{ name: 'tmp', emptyDir: {} }] }),
      kept: of({ volumes: [{ name: 'tmp', emptyDir: {} }] }),
    },
  ];
  for (const { name, given, kept } of rows) {
    it(name, () => {
      expect(normalizedTemplate(given)).to.deep.equal(kept);
      expect(normalizedTemplate(kept)).to.deep.equal(kept);
    });
  }
});

describe('templateInputs', () => {
  it('names what a template reads, each once, and no credentials for registries', () => {
    const template = of({
      env: env('settings'),
      envFrom: [{ secretRef: { name: 'login' } }, { configMapRef: { name: 'settings' } }],
      volumes: [{ name: 'v', secret: { secretName: 'keys' } }],
      imagePullSecrets: [{ name: 'registry' }],
    });
    expect(templateInputs(template, []).references).to.deep.equal([
      { kind: 'secrets', name: 'login' },
      { kind: 'configmaps', name: 'settings' },
      { kind: 'secrets', name: 'keys' },
    ]);
  });

  it('takes the name of a snapshot for its source as it was: the same revision follows', () => {
    const data = { template: of({ env: env('settings') }), inputs: [input('settings', 'h1')] };
    const revision = revisionOf(data);
    const restored = snapshotTemplate(data);
    expect(restored).to.deep.equal(of({ env: env('settings-h1') }));
    const found = templateInputs(restored, [revision]);
    expect(found.template).to.deep.equal(data.template);
    expect(found.references).to.deep.equal([
      { kind: 'configmaps', name: 'settings', pinned: input('settings', 'h1') },
    ]);
  });

  it('takes each name for what it says where a source and its snapshot, or two of it, are named', () => {
    const revisions = [
      revisionOf({ template: of({ env: env('settings') }), inputs: [input('settings', 'h1')] }),
      revisionOf({ template: of({ env: env('settings') }), inputs: [input('settings', 'h2')] }),
    ];
    for (const other of ['settings', 'settings-h2']) {
      const template = of({ env: env('settings-h1'), envFrom: [{ configMapRef: { name: other } }] });
      expect(templateInputs(template, revisions)).to.deep.equal({
        template,
        references: [
          { kind: 'configmaps', name: other },
          { kind: 'configmaps', name: 'settings-h1' },
        ],
      });
    }
  });
});

describe('snapshotTemplate', () => {
  it('puts snapshots in the places of their sources everywhere, and leaves alone what has none', () => {
    const template = of({
      env: [
        { name: 'A', valueFrom: { secretKeyRef: { name: 'login', key: 'a' } } },
        { name: 'B', value: 'plain' },
      ],
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'settings' } }, { configMapRef: { name: 'missing' } }],
      volumes: [
        { name: 'v', configMap: { name: 'settings', items: [{ key: 'a', path: 'b' }] } },
        { name: 's', secret: { secretName: 'login' } },
      ],
      imagePullSecrets: [{ name: 'login' }],
    });
    const login = { kind: 'secrets', name: 'login', hash: 'h', snapshot: 'login-copy' } as const;
    expect(snapshotTemplate({ template, inputs: [input('settings', 'h1'), login] })).to.deep.equal(
      of({
        env: [
          { name: 'A', valueFrom: { secretKeyRef: { name: 'login-copy', key: 'a' } } },
          { name: 'B', value: 'plain' },
        ],
        envFrom: [
          { prefix: 'P_', configMapRef: { name: 'settings-h1' } },
          { configMapRef: { name: 'missing' } },
        ],
        volumes: [
          { name: 'v', configMap: { name: 'settings-h1', items: [{ key: 'a', path: 'b' }] } },
          { name: 's', secret: { secretName: 'login-copy' } },
        ],
        imagePullSecrets: [{ name: 'login' }],
      }),
    );
    const plain = of({ command: ['x'] });
    expect(snapshotTemplate({ template: plain, inputs: [] })).to.equal(plain);
  });
});

describe('A revision of a TaskSet', () => {
  it('is another one with other content, and not because of what a snapshot is called', () => {
    const template = of({});
    const one = dataHash({ template, inputs: [input('settings', 'h1')] });
    expect(dataHash({ template, inputs: [input('settings', 'h2')] })).not.to.equal(one);
    expect(dataHash({ template, inputs: [{ ...input('settings', 'h1'), snapshot: 'x' }] })).to.equal(one);
  });

  it('is read as it was written, and of anything else nothing is made', () => {
    const data = { template: of({}), inputs: [input('settings', 'h1')] };
    expect(revisionData(revisionOf(data))).to.deep.equal(data);
    for (const wrong of [{}, { template: 1 }, { template: of({}), inputs: [{ kind: 'pods' }] }]) {
      expect(revisionData({ ...revisionOf(data), data: wrong })).to.equal(undefined);
    }
  });

  it('has snapshots of its set’s own, with names that fit', () => {
    const source = { kind: 'configmaps', name: 'a'.repeat(200) } as const;
    const name = snapshotName('web', source, 'h');
    expect(name).to.have.length.within(20, 63);
    expect(snapshotName('shop', source, 'h')).not.to.equal(name);
    expect(snapshotName('web', { ...source, kind: 'secrets' }, 'h')).not.to.equal(name);
  });
});
