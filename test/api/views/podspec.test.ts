/** A Task's whole wish as a Pod's, and a Pod's as a Task's. */
import { expect } from 'chai';
import { conformObject } from '../../../api/registry/admission/structural.ts';
import { podOf } from '../../../api/views/pod.ts';
import { taskOfPod } from '../../../api/views/podwrites.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { readPath } from '../../../machinery/json.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import { builtinKinds } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

/** Everything that a Pod can say, too. */
const spec: Task['spec'] = {
  image: 'web:1',
  imagePullPolicy: 'Always',
  imagePullSecrets: [{ name: 'registry' }],
  command: ['serve'],
  args: ['--port', '80'],
  workingDir: '/srv',
  env: [
    { name: 'A', value: 'b' },
    { name: 'C', valueFrom: { configMapKeyRef: { name: 'c', key: 'k', optional: true } } },
    { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
    { name: 'N', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'L', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
  ],
  envFrom: [{ prefix: 'P_', configMapRef: { name: 'c' } }, { secretRef: { name: 's', optional: true } }],
  ports: [{ name: 'http', containerPort: 80, protocol: 'TCP', hostPort: 8080, hostIP: '127.0.0.1' }],
  resources: {
    requests: { cpu: '100m', memory: '64Mi', 'ephemeral-storage': '1Gi' },
    limits: { cpu: '1', memory: '128Mi', 'ephemeral-storage': '2Gi' },
  },
  volumes: [
    { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    { name: 'host', hostPath: { path: '/srv', type: 'Directory' } },
    { name: 'data', volume: { name: 'data' } },
    { name: 'conf', configMap: { name: 'c', defaultMode: 420, items: [{ key: 'k', path: 'p', mode: 256 }] } },
    { name: 'keys', secret: { secretName: 's', optional: true } },
  ],
  volumeMounts: [
    { name: 'tmp', mountPath: '/tmp' },
    { name: 'conf', mountPath: '/etc/app', subPath: 'a', readOnly: true },
  ],
  livenessProbe: { httpGet: { port: 'http' }, initialDelaySeconds: 3, terminationGracePeriodSeconds: 5 },
  readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 2 },
  startupProbe: { grpc: { port: 81, service: 'x' }, failureThreshold: 9 },
  lifecycle: { postStart: { exec: { command: ['warm'] } }, preStop: { sleep: { seconds: 2 } } },
  activeDeadlineSeconds: 60,
  terminationGracePeriodSeconds: 7,
  stopSignal: 'SIGINT',
  restartPolicy: 'OnFailure',
  securityContext: {
    runAsUser: 1,
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  },
  network: { mode: 'host', hostname: 'h', dns: ['10.0.0.1'] },
  hostPID: true,
  tolerations: [{ key: 'k', operator: 'Exists' }],
  workerSelector: { zone: 'a' },
};

const pod = (podSpec: Record<string, unknown>, container: Record<string, unknown> = {}): DynamicObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'p', image: 'x', ...container }], ...podSpec },
});
const wishOf = (face: DynamicObject): unknown => taskOfPod(face)['spec'];
function refusalOf(face: DynamicObject): string[] {
  try {
    taskOfPod(face);
  } catch (error) {
    if (error instanceof ApiError) return (error.details?.causes ?? []).map(({ field = '' }) => field);
    throw error;
  }
  return [];
}

describe("A Task's spec as a Pod's", () => {
  const shown = podOf(newTask('p', spec));
  const container = (readPath(shown, ['spec', 'containers']) as readonly Record<string, unknown>[])[0] ?? {};

  it('has every field under the name that a Pod has for it', () => {
    expect(container).to.deep.include({
      envFrom: spec.envFrom,
      volumeMounts: spec.volumeMounts,
      resources: spec.resources,
      securityContext: spec.securityContext,
    });
    expect(shown['spec']).to.deep.include({
      imagePullSecrets: [{ name: 'registry' }],
      activeDeadlineSeconds: 60,
      hostNetwork: true,
      hostPID: true,
      hostname: 'h',
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['10.0.0.1'] },
      nodeSelector: { zone: 'a' },
    });
  });

  it('writes out the defaults of probes, which kubectl describe would print as 0', () => {
    expect(container['livenessProbe']).to.deep.equal({
      httpGet: { path: '/', port: 'http', scheme: 'HTTP' },
      initialDelaySeconds: 3,
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
      terminationGracePeriodSeconds: 5,
    });
    expect(container['readinessProbe']).to.include({ periodSeconds: 2, failureThreshold: 3 });
  });

  it('shows a named volume as a claim, and the stop signal among the hooks', () => {
    expect(readPath(shown, ['spec', 'volumes'])).to.deep.include({
      name: 'data',
      persistentVolumeClaim: { claimName: 'data' },
    });
    expect(container['lifecycle']).to.deep.equal({ ...spec.lifecycle, stopSignal: 'SIGINT' });
  });

  it('is the same wish when it is made into a Task again', () => {
    const { nodeName: _nodeName, ...made } = shown['spec'] as Record<string, unknown>;
    const wish = wishOf({ ...shown, spec: made, metadata: { name: 'p' } });
    const { livenessProbe, readinessProbe, startupProbe, ...rest } = wish as Task['spec'];
    const { livenessProbe: live, readinessProbe: ready, startupProbe: start, ...same } = spec;
    expect(rest).to.deep.equal(same);
    expect(livenessProbe).to.deep.include({ ...live, httpGet: { path: '/', port: 'http', scheme: 'HTTP' } });
    expect(readinessProbe).to.deep.include(ready ?? {});
    expect(startupProbe).to.deep.include(start ?? {});
    const document = builtinKinds.find(({ spec: { names } }) => names.plural === 'tasks');
    const schema = document?.spec.versions[0]?.schema.openAPIV3Schema ?? {};
    expect(conformObject(schema, { spec: wish }).unknown).to.deep.equal([]);
  });
});

describe("A Pod's spec as a Task's", () => {
  it('leaves out what says nothing', () => {
    const face = pod(
      {
        dnsPolicy: 'ClusterFirst',
        enableServiceLinks: true,
        hostNetwork: false,
        hostPID: false,
        serviceAccountName: 'default',
        securityContext: {},
        volumes: [],
      },
      {
        resources: {},
        env: [
          {
            name: 'L',
            valueFrom: { resourceFieldRef: { containerName: 'p', resource: 'limits.cpu', divisor: '0' } },
          },
        ],
        volumeMounts: [{ name: 'v', mountPath: '/v', mountPropagation: 'None', subPathExpr: '' }],
        securityContext: { procMount: 'Default', capabilities: null },
        terminationMessagePath: '/dev/termination-log',
      },
    );
    expect(wishOf(face)).to.deep.equal({
      image: 'x',
      env: [{ name: 'L', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }],
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
      volumes: [],
    });
  });

  it("takes the Pod's security context over where the container's says nothing", () => {
    const face = pod(
      { securityContext: { runAsUser: 5, runAsGroup: 6, seccompProfile: { type: 'RuntimeDefault' } } },
      { securityContext: { runAsUser: 7 } },
    );
    expect(wishOf(face)).to.deep.include({
      securityContext: { runAsUser: 7, runAsGroup: 6, seccompProfile: { type: 'RuntimeDefault' } },
    });
  });

  it('makes a volume of no kind an empty one', () =>
    expect(wishOf(pod({ volumes: [{ name: 'v' }] }))).to.deep.include({
      volumes: [{ name: 'v', emptyDir: {} }],
    }));

  it('refuses by name, and at once, whatever a Task has nothing like', () => {
    const face = pod(
      {
        initContainers: [{ name: 'i' }],
        affinity: { nodeAffinity: {} },
        hostIPC: true,
        hostUsers: false,
        serviceAccountName: 'robot',
        dnsConfig: { searches: ['x'] },
        securityContext: { fsGroup: 5, sysctls: [{ name: 'a', value: 'b' }] },
        volumes: [
          { name: 'a', projected: { sources: [] } },
          { name: 'b', persistentVolumeClaim: { claimName: 'c', readOnly: true } },
          { name: 'c', configMap: { name: 'c', surprise: 1 } },
        ],
      },
      {
        stdin: true,
        volumeDevices: [{ name: 'a' }],
        env: [{ name: 'A', valueFrom: { fileKeyRef: { key: 'k' } } }],
        volumeMounts: [{ name: 'a', mountPath: '/a', mountPropagation: 'Bidirectional' }],
        livenessProbe: { exec: { command: ['x'] }, surprise: true },
        securityContext: { seLinuxOptions: { level: 's0' }, procMount: 'Unmasked' },
        resources: { limits: { 'nvidia.com/gpu': '1' } },
        restartPolicy: 'Always',
      },
    );
    expect(refusalOf(face)).to.have.members([
      'spec.containers[0].stdin',
      'spec.containers[0].volumeDevices',
      'spec.containers[0].restartPolicy',
      'spec.initContainers',
      'spec.affinity',
      'spec.hostIPC',
      'spec.hostUsers',
      'spec.serviceAccountName',
      'spec.dnsConfig.searches',
      'spec.securityContext.fsGroup',
      'spec.securityContext.sysctls',
      'spec.volumes[1].persistentVolumeClaim.readOnly',
      'spec.volumes[0].projected',
      'spec.volumes[2].configMap.surprise',
      'spec.containers[0].env[0].valueFrom.fileKeyRef',
      'spec.containers[0].volumeMounts[0].mountPropagation',
      'spec.containers[0].livenessProbe.surprise',
      'spec.containers[0].securityContext.seLinuxOptions',
      'spec.containers[0].securityContext.procMount',
      'spec.containers[0].resources.limits.nvidia.com/gpu',
    ]);
  });
});
