/** What a Task says of probes, volumes, environment, dependencies and security, as kubectl shows and checks it. */
import { expect } from 'chai';
import { idleTask, list, task } from '../manifests.ts';
import type { Group } from '../table.ts';

const rich = {
  env: [
    { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'c', key: 'colour' } } },
  ],
  envFrom: [{ prefix: 'P_', secretRef: { name: 's', optional: true } }],
  ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
  volumes: [
    { name: 'data', volume: { name: 'data' } },
    { name: 'settings', configMap: { name: 'c' } },
    { name: 'scratch', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
  ],
  volumeMounts: [
    { name: 'data', mountPath: '/data', readOnly: true },
    { name: 'settings', mountPath: '/etc/settings' },
  ],
  livenessProbe: { httpGet: { port: 'http' }, initialDelaySeconds: 3 },
  readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 2 },
  startupProbe: { exec: { command: ['true'] }, failureThreshold: 9 },
};

export const taskFields: Group = {
  name: 'what a task has and asks for',
  rows: [
    {
      name: 'describe pod: probes, environment, mounts, volumes, with their defaults',
      async run(kubectl) {
        await kubectl.ok(['apply', '-f', '-'], idleTask('rich', rich));
        expect(await kubectl.ok(['apply', '-f', '-'], idleTask('rich', rich))).to.match(/unchanged/);
        const said = await kubectl.ok(['describe', 'pod', 'rich']);
        for (const line of [
          /Liveness: +http-get http:\/\/:http\/ delay=3s timeout=1s period=10s #success=1 #failure=3/,
          /Readiness: +tcp-socket :8080 delay=0s timeout=1s period=2s #success=1 #failure=3/,
          /Startup: +exec \[true\] delay=0s timeout=1s period=10s #success=1 #failure=9/,
          /Environment Variables from:\n +s +Secret with prefix 'P_' +Optional: true/,
          /NAME: +rich \(v1:metadata.name\)/,
          /COLOUR: +<set to the key 'colour' of config map 'c'> +Optional: false/,
          /Mounts:\n +\/data from data \(ro\)\n +\/etc\/settings from settings \(rw\)/,
          /data:\n +Type: +PersistentVolumeClaim[\s\S]*ClaimName: +data/,
          /settings:\n +Type: +ConfigMap[\s\S]*Name: +c/,
          /scratch:\n +Type: +EmptyDir[\s\S]*Medium: +Memory\n +SizeLimit: +1Mi/,
        ])
          expect(said).to.match(line);
      },
    },
    {
      name: 'explain: a probe of a task, and of a pod',
      async run(kubectl) {
        const said = await kubectl.ok(['explain', 'task.spec.livenessProbe']);
        expect(said).to.match(/periodSeconds\s+<integer>\s+Seconds between two questions; absent: 10\./);
        expect(await kubectl.ok(['explain', 'pod.spec.containers.livenessProbe.httpGet'])).to.match(/scheme/);
        expect(await kubectl.ok(['explain', 'task.spec.volumes', '--recursive'])).to.match(/hostPath/);
      },
    },
    {
      name: 'create: a pod with probes and volumes becomes a task; what no task has is named',
      async run(kubectl) {
        const pod = (podSpec: object, container: object): string =>
          JSON.stringify({
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: 'made' },
            spec: { containers: [{ name: 'made', image: 'gantry/hello:1', ...container }], ...podSpec },
          });
        const probe = { httpGet: { port: 8080 } };
        const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'mine' } }];
        const mounts = [{ name: 'v', mountPath: '/v' }];
        await kubectl.ok(
          ['create', '-f', '-', '--dry-run=server'],
          pod({ volumes }, { livenessProbe: probe, volumeMounts: mounts }),
        );
        expect(
          await kubectl.fails(
            ['create', '-f', '-'],
            pod({ volumes: [{ name: 'v', hostPath: { path: '/a' } }], hostIPC: true }, { tty: true }),
          ),
        ).to.match(/spec\.containers\[0\]\.tty: Forbidden[\s\S]*spec\.hostIPC: Forbidden/);
      },
    },
    {
      name: 'apply, run: the security level of the namespace, and what tightening it warns of',
      async run(kubectl) {
        const host = task('rude', { network: { mode: 'host' }, hostPID: true });
        const refusal =
          /tasks\.gantry\.dev "rude" is forbidden: violates level "baseline" of namespace "[^"]+": spec\.network\.mode must not be "host"; spec\.hostPID must not be true/;
        expect(await kubectl.fails(['apply', '-f', '-'], host)).to.match(refusal);
        expect(await kubectl.fails(['apply', '-f', '-', '--server-side'], host)).to.match(refusal);
        expect(await kubectl.fails(['create', '-f', '-', '--dry-run=server'], host)).to.match(refusal);
        expect(await kubectl.fails(['run', 'rude', '--image=x', '--privileged'])).to.match(
          /spec\.securityContext\.privileged must not be true/,
        );
        const label = (level: string): string[] => [
          'label',
          'namespace',
          kubectl.namespace,
          '--overwrite',
          `gantry.dev/security${level}`,
        ];
        const tightened = await kubectl.run(label('=restricted'));
        expect([tightened.code, tightened.stderr]).to.satisfy(
          ([code, text]: [number, string]) =>
            code === 0 && /Warning: existing tasks .* violate the new level "restricted"/.test(text),
        );
        expect(await kubectl.fails(label('=strict'))).to.match(
          /Unsupported value: "strict": supported values: "privileged", "baseline", "restricted"/,
        );
        await kubectl.ok(label('-'));
      },
    },
    {
      name: 'wait: for what a task depends on',
      async run(kubectl) {
        const needy = idleTask('needy', { dependsOn: [{ name: 'needed', condition: 'Completed' }] });
        const circle = [['ring-1', 'ring-2'] as const, ['ring-2', 'ring-1'] as const].map(([name, other]) =>
          idleTask(name, { dependsOn: [{ name: other }] }),
        );
        await kubectl.ok(['apply', '-f', '-'], list(needy, ...circle));
        await kubectl.ok(['wait', 'task/needy', '--for=condition=DependenciesMet=False', '--timeout=30s']);
        const needed = task('needed', { command: ['true'], restartPolicy: 'Never' });
        await kubectl.ok(['apply', '-f', '-'], needed);
        await kubectl.ok(['wait', 'task/needy', '--for=condition=DependenciesMet', '--timeout=60s']);
        expect(await kubectl.ok(['describe', 'task', 'ring-1'])).to.match(
          /they wait for each other: ring-1 -> ring-2 -> ring-1/,
        );
        expect(
          await kubectl.fails(['apply', '-f', '-'], idleTask('me', { dependsOn: [{ name: 'me' }] })),
        ).to.match(/a task cannot depend on itself/);
      },
    },
    {
      name: 'get: a task with ttlSecondsAfterFinished is gone when they have passed',
      async run(kubectl) {
        const brief = { command: ['true'], restartPolicy: 'Never', ttlSecondsAfterFinished: 1 };
        await kubectl.ok(['apply', '-f', '-'], task('brief', brief));
        await kubectl.ok(['wait', 'task/brief', '--for=delete', '--timeout=60s']);
        await kubectl.ok(['delete', 'tasks', 'rich', 'needy', 'needed', 'ring-1', 'ring-2']);
      },
    },
  ],
};
