/** What a Task's container is made with: the defaults, and what a Task may change of them. */
import { expect } from 'chai';
import { containerSpec } from '../../../controllers/task/planning/containerspec.ts';
import { nonRootProblem } from '../../../controllers/task/planning/nonroot.ts';
import type { ContainerSpec } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { boundTask } from './worlds.ts';

function specOf(spec: Partial<Task['spec']>, env: readonly string[] = []): ContainerSpec {
  return containerSpec(boundTask(spec), {
    worker: 'w1',
    clusterId: 'cl',
    publishAddress: '127.0.0.1',
    attempt: 1,
    env,
    knownPorts: [],
  });
}

type Row = readonly [
  name: string,
  spec: Partial<Task['spec']>,
  wanted: Partial<Record<keyof ContainerSpec, unknown>>,
];
const rows: readonly Row[] = [
  ['gains no rights by set-user-id files', {}, { noNewPrivileges: true, privileged: false }],
  [
    'may gain rights where that is asked for',
    { securityContext: { allowPrivilegeEscalation: true } },
    { noNewPrivileges: undefined },
  ],
  [
    'is bound by nothing when privileged',
    { securityContext: { privileged: true, seccompProfile: { type: 'Unconfined' } } },
    { noNewPrivileges: undefined, privileged: true, capabilities: { add: [], drop: [] }, seccomp: undefined },
  ],
  [
    'goes without raw sockets, device files and the audit log',
    {},
    { capabilities: { add: [], drop: ['AUDIT_WRITE', 'MKNOD', 'NET_RAW'] } },
  ],
  [
    'keeps of those what it adds',
    { securityContext: { capabilities: { add: ['NET_RAW'], drop: ['CHOWN'] } } },
    { capabilities: { add: ['NET_RAW'], drop: ['CHOWN', 'AUDIT_WRITE', 'MKNOD'] } },
  ],
  [
    'drops everything but what it adds',
    { securityContext: { capabilities: { add: ['CHOWN'], drop: ['ALL'] } } },
    { capabilities: { add: ['CHOWN'], drop: ['ALL'] } },
  ],
  [
    'has all capabilities when it adds all',
    { securityContext: { capabilities: { add: ['ALL'] } } },
    { capabilities: { add: ['ALL'], drop: [] } },
  ],
  ['is filtered by the engine’s list', {}, { seccomp: undefined }],
  [
    'is not filtered where that is asked for',
    { securityContext: { seccompProfile: { type: 'Unconfined' } } },
    { seccomp: 'unconfined' },
  ],
  ['has at most 4096 processes', {}, { resources: { pidsLimit: 4096 } }],
  ['has as many processes as it says', { pidsLimit: 9 }, { resources: { pidsLimit: 9 } }],
  ['has the share of the disk that it says', { ioWeight: 100 }, { ioWeight: 100 }],
  ['is found by the name of its Task', {}, { networkMode: 'bridge', networkAliases: ['web'] }],
  [
    'is found by further names, and uses its own name servers',
    { network: { mode: 'back', aliases: ['api', 'web'], dns: ['10.0.0.1'] } },
    { networkMode: 'back', networkAliases: ['web', 'api'], dns: ['10.0.0.1'] },
  ],
  [
    'has no name and publishes nothing on the worker’s own network',
    { network: { mode: 'host' }, ports: [{ containerPort: 80 }] },
    { networkMode: 'host', networkAliases: undefined, ports: [], hostname: undefined },
  ],
  [
    'publishes its ports on a network of its namespace',
    { network: { mode: 'back' }, ports: [{ containerPort: 80, hostPort: 8080 }] },
    { ports: [{ containerPort: 80, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 8080 }] },
  ],
  [
    'takes sizes as quantities',
    { shmSize: '1Gi', logs: { maxSize: '1Mi' } },
    { shmSizeBytes: 2 ** 30, log: { maxBytes: 2 ** 20, maxFiles: 5 } },
  ],
  [
    'keeps as many log files as it says',
    { logs: { maxFiles: 2 } },
    { log: { maxBytes: 10 * 2 ** 20, maxFiles: 2 } },
  ],
  [
    'has limits for each process',
    { ulimits: [{ name: 'nofile', soft: 10, hard: -1 }] },
    { ulimits: [{ name: 'nofile', soft: 10, hard: -1 }] },
  ],
  ['sees every process where that is asked for', { hostPID: true }, { hostPid: true }],
  ['sees its own processes only', { hostPID: false }, { hostPid: undefined }],
];

describe('containerSpec: a container', () => {
  for (const [name, spec, wanted] of rows) {
    it(name, () => {
      const made = specOf(spec);
      for (const [field, value] of Object.entries(wanted)) {
        expect(Reflect.get(made, field), field).to.deep.equal(value);
      }
    });
  }
});

describe('nonRootProblem', () => {
  const problem = (securityContext: Task['spec']['securityContext'], imageUser: string): string =>
    nonRootProblem(boundTask(securityContext === undefined ? {} : { securityContext }), imageUser) ?? 'fine';
  const mustNot = { runAsNonRoot: true };

  it('minds nothing where nothing is asked for', () => {
    expect(problem(undefined, '')).to.equal('fine');
    expect(problem({ runAsUser: 0 }, '')).to.equal('fine');
  });

  it('takes a user of the Task for what it is', () => {
    expect(problem({ ...mustNot, runAsUser: 1000 }, 'root')).to.equal('fine');
    expect(problem({ ...mustNot, runAsUser: 0 }, '1000')).to.include(
      "container's runAsUser breaks non-root policy",
    );
  });

  it('refuses an image that runs as root, or as somebody by name', () => {
    for (const user of ['', 'root', '0', '0:0', '00', ':5']) {
      expect(problem(mustNot, user), user).to.include(
        'container has runAsNonRoot and image will run as root',
      );
    }
    expect(problem(mustNot, 'web:web')).to.include(
      'image has non-numeric user (web), cannot verify user is non-root',
    );
    expect(problem(mustNot, '1000:1000')).to.equal('fine');
  });
});
