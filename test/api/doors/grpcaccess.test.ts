/** What callers of the job runner may do: nothing, with their own jobs, or with all; and what is told of it. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { type JobsClient, JobsError } from '../../../client/jobs.ts';
import { doorIdentity } from '../../../machinery/identity.ts';
import { ANNOTATION_STARTED_BY } from '../../../machinery/labels.ts';
import {
  JobSchema,
  StartRequestSchema,
  StatusRequestSchema,
  StopRequestSchema,
  TailRequestSchema,
} from '../../../schemas/grpc/jobs.gen.ts';
import { clusterRoleBindings, clusterRoles, runs, secrets } from '../../../schemas/kinds.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import { type GrpcWorld, openGrpcWorld, openRaw } from './grpcworld.ts';

const T2 = '2026-01-01T00:00:02Z';
const CALLS = ['start', 'stop', 'status', 'tail'] as const;

describe('the job runner over gRPC: rights', () => {
  let grpc: GrpcWorld;
  let own: string;
  let others: string;
  before(async () => {
    grpc = await openGrpcWorld();
    await grpc.grant('own', 'gantry:job-runner');
    await grpc.grant('all', 'gantry:job-runner-admin');
    const start = async (user: string): Promise<string> => {
      const { id } = await grpc.clientOf(await grpc.issue(user)).start(create(StartRequestSchema));
      await grpc.tell(id, { state: 'completed', finishedAt: T2 });
      return id;
    };
    own = await start('own');
    others = await start('all');
  });
  after(() => grpc.close());

  const ask = async (client: JobsClient, call: (typeof CALLS)[number], id: string): Promise<void> => {
    if (call === 'start') await client.start(create(StartRequestSchema));
    else if (call === 'stop') await client.stop(create(StopRequestSchema, { id }));
    else if (call === 'status') await client.status(create(StatusRequestSchema, { id }));
    else for await (const _frame of client.tail(create(TailRequestSchema, { id }))) continue;
  };
  const refusal = async (call: Promise<unknown>): Promise<JobsError> => {
    const error = await call.then(String, (thrown: unknown) => thrown);
    if (!(error instanceof JobsError)) throw new Error(`not refused: ${String(error)}`);
    return error;
  };
  const clientFor = async (user: string, groups: readonly string[] = []): Promise<JobsClient> =>
    grpc.clientOf(await grpc.issue(user, groups));

  for (const call of CALLS) {
    it(`D4.5 ${call}: who has no role is refused, and told what it takes`, async () => {
      const { problem, message } = await refusal(ask(await clientFor('nobody'), call, own));
      expect(problem).to.equal('Forbidden');
      expect(message).to.include(
        `User "nobody" cannot ${call} resource "jobs/own" in API group "jobs.gantry.dev" in the namespace "default"`,
      );
    });

    it(`D4.5 ${call}: who may do it with their own jobs may do it with no others`, async () => {
      const client = await clientFor('own');
      await ask(client, call, own);
      if (call === 'start') return;
      const { problem, message } = await refusal(ask(client, call, others));
      expect(problem).to.equal('Forbidden');
      expect(message).to.include(
        `User "own" may ${call} only jobs that they started themselves, and job ${others}`,
      );
    });

    it(`D4.5 ${call}: who may do it with all jobs may do it with anybody's, and so may cluster administrators`, async () => {
      await ask(await clientFor('all'), call, own);
      await ask(await clientFor('root', ['system:masters']), call, own);
    });
  }

  it('D4.5 rights are given for each call by itself, to groups in certificates too', async () => {
    const { admin } = grpc.world;
    await admin.create(clusterRoles, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'watcher' },
      rules: [{ verbs: ['status'], apiGroups: ['jobs.gantry.dev'], resources: ['jobs'] }],
    });
    await admin.create(clusterRoleBindings, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'watchers' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'watcher' },
      subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'watchers' }],
    });
    const client = await clientFor('wim', ['watchers']);
    await ask(client, 'status', own);
    for (const call of ['start', 'stop', 'tail'] as const) {
      expect((await refusal(ask(client, call, own))).problem).to.equal('Forbidden');
    }
  });

  it('D4.5 metadata that says who calls is not read', async () => {
    const { certificate: cert, key } = await grpc.issue('nobody');
    const raw = openRaw(grpc, { cert, key });
    const request = toBinary(StatusRequestSchema, create(StatusRequestSchema, { id: own }));
    const answer = await raw.call('/gantry.jobs.v1.JobService/Status', [request], {
      authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.',
      'impersonate-user': 'admin',
      'impersonate-group': 'system:masters',
      'x-remote-user': 'admin',
    });
    expect(answer.code).to.equal(7);
    expect(answer.message).to.include('User "nobody"');
    raw.close();
  });

  it('every answer names its trace, which a traceparent can give', async () => {
    const { certificate: cert, key } = await grpc.issue('own');
    const raw = openRaw(grpc, { cert, key });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const answer = await raw.call('/gantry.jobs.v1.JobService/Start', [Buffer.alloc(0)], {
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    });
    expect(answer.headers['x-trace-id']).to.equal(traceId);
    expect(fromBinary(JobSchema, answer.frames[0] ?? Buffer.alloc(0)).traceId).to.equal(traceId);
    raw.close();
  });

  describe('whose job it is', () => {
    const run = (annotations: Record<string, string>): Run => ({
      apiVersion: 'gantry.dev/v1',
      kind: 'Run',
      metadata: { name: 'abcdef', namespace: 'default', annotations },
      spec: { templateRef: { name: 'noop' } },
    });
    const key = { namespace: 'default', name: 'abcdef' };

    it('D4.5 is the job runner’s to say: nobody makes a job somebody else’s, or takes one over', async () => {
      await grpc.world.admin.create(clusterRoleBindings, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'editors' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'eve' }],
      });
      const eve = grpc.world.registry.as({ name: 'eve', groups: ['system:authenticated'] });
      const problemOf = (write: Promise<unknown>): Promise<string> =>
        write.then(String, (error: Error) => error.message);
      expect(await problemOf(eve.create(runs, run({ [ANNOTATION_STARTED_BY]: 'own' })))).to.match(
        /is for the job runner to write; leave it out$/,
      );
      await eve.create(runs, run({}));
      const annotations = { [ANNOTATION_STARTED_BY]: 'eve' };
      const takeOver = (name: string, value: unknown): Promise<unknown> =>
        eve.patch(
          runs,
          { namespace: 'default', name },
          { type: 'merge', body: { metadata: { annotations: value } } },
        );
      expect(await problemOf(takeOver('abcdef', annotations))).to.match(/leave it as it is$/);
      expect(await problemOf(takeOver(own.toLowerCase(), annotations))).to.match(/leave it as it is$/);
      expect(await problemOf(takeOver(own.toLowerCase(), { [ANNOTATION_STARTED_BY]: null }))).to.match(
        /leave it as it is$/,
      );
      await eve.patch(runs, key, { type: 'merge', body: { metadata: { annotations: { other: 'x' } } } });
    });

    it('D4.5 a Run that nobody started here is no caller’s own', async () => {
      expect((await refusal(ask(await clientFor('own'), 'status', 'ABCDEF'))).problem).to.equal('Forbidden');
      await ask(await clientFor('all'), 'status', 'ABCDEF');
    });
  });

  it('the door itself may do what its calls need, and nothing else', async () => {
    const door = grpc.world.registry.as(doorIdentity('grpc'));
    const refused = await door.list(secrets).then(String, (error: Error) => error.message);
    expect(refused).to.include('User "system:door:grpc" cannot list resource "secrets"');
    const gone = await door
      .delete(runs, { namespace: 'default', name: own.toLowerCase() })
      .then(String, String);
    expect(gone).to.include('cannot delete resource "runs"');
  });
});
