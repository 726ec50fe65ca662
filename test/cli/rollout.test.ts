/** `gantry rollout` and `gantry scale` against the real API; what the controller would write is written by hand. */
import { expect } from 'chai';
import { newRevision } from '../../controllers/revisions/revision.ts';
import { dataHash, type SnapshotInput } from '../../controllers/revisions/snapshots.ts';
import { normalizedTemplate } from '../../controllers/revisions/template.ts';
import { systemClock } from '../../machinery/clock.ts';
import {
  ANNOTATION_CHANGE_CAUSE,
  ANNOTATION_PROMOTED,
  ANNOTATION_RESTARTED,
} from '../../machinery/labels.ts';
import { configMaps, controllerRevisions, taskSets, tasks } from '../../schemas/kinds.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();
const labels = { app: 'web' };
const whole = { replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3, desiredReplicas: 3 };

describe('gantry rollout', () => {
  let here: CommandWorld;

  beforeEach(async () => {
    here = await CommandWorld.open(certificates);
  });
  afterEach(() => here.close());
  after(() => certificates.remove());

  const template = (image: string, spec: Record<string, unknown> = {}): TaskSet['spec']['template'] => ({
    metadata: { labels },
    spec: { image, ...spec },
  });
  const makeSet = (spec: Partial<TaskSet['spec']> = {}, name = 'web'): Promise<TaskSet> =>
    here.create(taskSets, name, {
      spec: { replicas: 3, selector: { matchLabels: labels }, template: template('gantry/hello:1'), ...spec },
    });
  /** Keeps a revision of the set as its controller would; gives its name. */
  const keep = async (
    revision: number,
    of: TaskSet['spec']['template'],
    options: { readonly inputs?: readonly SnapshotInput[]; readonly cause?: string } = {},
  ): Promise<string> => {
    const data = { template: normalizedTemplate(of), inputs: options.inputs ?? [] };
    const made = newRevision({
      resource: taskSets,
      owner: await here.get(taskSets, 'web'),
      hash: dataHash(data),
      data: { ...data },
      revision,
      ...(options.cause === undefined ? {} : { annotations: { [ANNOTATION_CHANGE_CAUSE]: options.cause } }),
    });
    return (await here.world.admin.create(controllerRevisions, made)).metadata.name;
  };

  describe('status', () => {
    it('tells how it goes until it is through', async () => {
      await makeSet();
      const parts = [
        { ...whole, updateRevision: 'web-b', updatedReplicas: 1 },
        { ...whole, updateRevision: 'web-b', replicas: 4 },
        { ...whole, updateRevision: 'web-b' },
      ];
      let reporting: Promise<unknown> = Promise.resolve();
      const out = await here.ok('rollout status taskset/web', {
        onOutput: () => {
          const next = parts.shift();
          if (next !== undefined) reporting = here.report(taskSets, 'web', next);
        },
      });
      await reporting;
      expect(out.split('\n')).to.deep.equal([
        'Waiting for taskset "web" spec update to be observed...',
        'Waiting for taskset "web" rollout to finish: 1 out of 3 new replicas have been updated...',
        'Waiting for taskset "web" rollout to finish: 1 old replicas are pending termination...',
        'taskset "web" successfully rolled out',
        '',
      ]);
    });

    it('does not take the end of the rollout before for its own', async () => {
      await makeSet();
      await here.report(taskSets, 'web', { ...whole, updateRevision: 'web-a' });
      expect(await here.ok('rollout status web')).to.equal('taskset "web" successfully rolled out\n');
      await here.merge(taskSets, 'web', { spec: { template: { spec: { image: 'gantry/hello:2' } } } });
      for (const line of ['rollout status web --watch=false', 'rollout status --no-watch web']) {
        expect(await here.ok(line)).to.equal('Waiting for taskset "web" spec update to be observed...\n');
      }
      expect(await here.refused('rollout status web --timeout=50ms', { clock: systemClock })).to.equal(
        'gantry: timed out after 0.05 s: Waiting for taskset "web" spec update to be observed\n',
      );
    });

    it('does not take it either where only the configuration was changed', async () => {
      await here.create(configMaps, 'settings', { data: { level: 'info' } });
      await here.create(configMaps, 'settings-1', { data: { level: 'info' } });
      const withSettings = template('gantry/hello:1', { envFrom: [{ configMapRef: { name: 'settings' } }] });
      await makeSet({ template: withSettings });
      const input = { kind: 'configmaps', name: 'settings', hash: 'h1', snapshot: 'settings-1' } as const;
      const updateRevision = await keep(1, withSettings, { inputs: [input] });
      await here.report(taskSets, 'web', { ...whole, updateRevision });
      expect(await here.ok('rollout status web')).to.match(/successfully rolled out/);
      await here.merge(configMaps, 'settings', { data: { level: 'debug' } });
      expect(await here.ok('rollout status web --watch=false')).to.equal(
        'Waiting for taskset "web" to observe that configmap/settings was changed...\n',
      );
    });

    it('nor its failure: a mended ConfigMap is a rollout that has yet to begin', async () => {
      await here.create(configMaps, 'settings', { data: { level: 'wrong' } });
      await here.create(configMaps, 'settings-1', { data: { level: 'wrong' } });
      const withSettings = template('gantry/hello:1', { envFrom: [{ configMapRef: { name: 'settings' } }] });
      await makeSet({ template: withSettings });
      const input = { kind: 'configmaps', name: 'settings', hash: 'h1', snapshot: 'settings-1' } as const;
      const updateRevision = await keep(2, withSettings, { inputs: [input] });
      const rejected = { updateRevision, rejectedRevision: updateRevision, targetRevision: 'web-a' };
      await here.report(taskSets, 'web', { ...whole, ...rejected });
      expect(await here.refused('rollout status web')).to.contain('was rolled back to web-a (RolledBack)');
      await here.merge(configMaps, 'settings', { data: { level: 'info' } });
      expect(await here.ok('rollout status web --watch=false')).to.equal(
        'Waiting for taskset "web" to observe that configmap/settings was changed...\n',
      );
    });

    it('fails with the reason, when it was given up and when nothing moves', async () => {
      await makeSet();
      const condition = (reason: string, message: string): Record<string, unknown> => ({
        type: 'Progressing',
        status: 'False',
        reason,
        message,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      });
      await here.report(taskSets, 'web', {
        ...whole,
        updateRevision: 'web-b',
        conditions: [condition('ProgressDeadlineExceeded', 'nothing has moved for 600 s')],
      });
      for (const line of ['rollout status web', 'rollout status web --watch=false']) {
        expect(await here.refused(line, { clock: systemClock }), line).to.equal(
          'gantry: taskset "web" exceeded its progress deadline (ProgressDeadlineExceeded): nothing has moved for 600 s\n',
        );
      }
      await here.report(taskSets, 'web', {
        updateRevision: 'web-b',
        rejectedRevision: 'web-b',
        targetRevision: 'web-a',
        conditions: [condition('RolledBack', 'change spec.template')],
      });
      expect(await here.refused('rollout status web')).to.equal(
        'gantry: taskset "web" was rolled back to web-a (RolledBack): change spec.template\n',
      );
    });

    it('fails when the set goes, or is another one by now', async () => {
      await makeSet();
      let deleting: Promise<unknown> = Promise.resolve();
      const said = await here.refused('rollout status web', {
        onOutput: () => {
          deleting = here.world.admin.delete(taskSets, { namespace: 'default', name: 'web' });
        },
      });
      await deleting;
      expect(said).to.equal('gantry: taskset "web" was deleted: its rollout ends with it\n');
      expect(await here.refused('rollout status web')).to.equal(
        'Error from server (NotFound): tasksets.gantry.dev "web" not found\n',
      );
    });

    it('is pinned to a revision', async () => {
      await makeSet();
      const updateRevision = await keep(2, template('gantry/hello:1'));
      await here.report(taskSets, 'web', { ...whole, updateRevision });
      expect(await here.ok('rollout status web --revision 2')).to.match(/successfully rolled out/);
      expect(await here.refused('rollout status web --revision 3')).to.equal(
        'gantry: taskset "web": desired revision (3) is different from the running revision (2)\n',
      );
    });
  });

  it('finds a TaskSet by every name it has, and refuses what is none', async () => {
    await makeSet();
    await here.report(taskSets, 'web', { ...whole, updateRevision: 'web-a' });
    for (const words of [
      'web',
      'taskset/web',
      'tasksets/web',
      'gts/web',
      'taskset web',
      'taskset.gantry.dev/web',
    ]) {
      expect(await here.ok(`rollout status ${words}`), words).to.match(/successfully/);
    }
    const refusals: [string, RegExp][] = [
      ['', /^gantry: name a TaskSet: wanted taskset\/NAME, for example taskset\/web\n$/],
      ['taskset', /^gantry: name a TaskSet: found "taskset", wanted taskset\/NAME/],
      [
        'task/web',
        /^gantry: this is for a TaskSet: found "task\/web", which names a Task; wanted taskset\/NAME/,
      ],
      ['deployment/web', /^gantry: the server doesn't have a resource type "deployment"/],
      ['tsakset web', /^gantry: the server doesn't have a resource type "tsakset"; did you mean taskset\?/],
      ['taskset/web other', /^gantry: found "other", wanted taskset\/NAME/],
      ['web --timeout=soon', /--timeout: found "soon", wanted a duration/],
      ['web --revision=x', /--revision: found "x", wanted the number of a revision/],
    ];
    for (const [words, wanted] of refusals) {
      expect(await here.refused(`rollout status ${words}`.trim()), words).to.match(wanted);
    }
  });

  describe('pause, resume, restart, promote', () => {
    it('pauses and resumes', async () => {
      await makeSet();
      expect(await here.ok('rollout pause taskset/web')).to.equal('taskset.gantry.dev/web paused\n');
      expect((await here.get(taskSets, 'web')).spec.paused).to.equal(true);
      expect(await here.refused('rollout pause web')).to.equal(
        'gantry: tasksets.gantry.dev "web" is already paused\n',
      );
      expect(await here.refused('rollout restart web')).to.match(
        /^gantry: can't restart the paused taskset "web": run gantry rollout resume taskset\/web first/,
      );
      expect(await here.ok('rollout resume web')).to.equal('taskset.gantry.dev/web resumed\n');
      expect((await here.get(taskSets, 'web')).spec.paused).to.equal(undefined);
      expect(await here.refused('rollout resume web')).to.equal(
        'gantry: tasksets.gantry.dev "web" is not paused\n',
      );
    });

    it('restarts by an annotation of the template, and leaves the others', async () => {
      await makeSet({ template: { ...template('i'), metadata: { labels, annotations: { a: 'b' } } } });
      expect(await here.ok('rollout restart web')).to.equal('taskset.gantry.dev/web restarted\n');
      expect((await here.get(taskSets, 'web')).spec.template.metadata?.annotations).to.deep.equal({
        a: 'b',
        [ANNOTATION_RESTARTED]: new Date(here.world.clock.now()).toISOString(),
      });
    });

    it('promotes what waits, once', async () => {
      await makeSet({ strategy: { canary: { replicas: 1 } } });
      expect(await here.refused('rollout promote web')).to.match(
        /nothing of taskset "web" waits for promotion: its newest spec has not been looked at yet/,
      );
      const condition = {
        type: 'Progressing',
        status: 'True',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      };
      await here.report(taskSets, 'web', {
        ...whole,
        updateRevision: 'web-b',
        conditions: [{ ...condition, reason: 'ReplicasUpdating' }],
      });
      expect(await here.refused('rollout promote web')).to.match(
        /its condition Progressing says ReplicasUpdating, wanted CanaryWaiting; gantry rollout status taskset\/web/,
      );
      await here.report(taskSets, 'web', { conditions: [{ ...condition, reason: 'CanaryWaiting' }] });
      expect(await here.ok('rollout promote web')).to.equal('taskset.gantry.dev/web promoted\n');
      expect((await here.get(taskSets, 'web')).metadata.annotations?.[ANNOTATION_PROMOTED]).to.equal('web-b');
      expect(await here.refused('rollout promote web')).to.match(/its revision web-b is promoted already/);
      await here.report(taskSets, 'web', { updateRevision: 'web-c', rejectedRevision: 'web-c' });
      expect(await here.refused('rollout promote web')).to.match(/its revision web-c was given up/);
    });

    it('says that there are no canaries', async () => {
      await makeSet();
      await here.report(taskSets, 'web', { ...whole, updateRevision: 'web-b' });
      expect(await here.refused('rollout promote web')).to.match(/it has no spec\.strategy\.canary/);
    });
  });

  describe('history', () => {
    it('lists revisions with what they are just now', async () => {
      await makeSet({ template: template('gantry/hello:2') });
      expect(await here.ok('rollout history web')).to.equal(
        'taskset.gantry.dev/web\nNo rollout history found.\n',
      );
      const first = await keep(1, template('gantry/hello:1'), { cause: 'the first one' });
      const second = await keep(2, template('gantry/hello:2'));
      await here.report(taskSets, 'web', {
        currentRevision: first,
        lastStableRevision: first,
        targetRevision: second,
        updateRevision: second,
      });
      here.world.clock.advance(90_000);
      expect(await here.ok('rollout history taskset/web')).to.equal(
        `taskset.gantry.dev/web\n` +
          `REVISION   AGE   STATE            NAME             CHANGE-CAUSE\n` +
          `1          90s   current,stable   ${first}   the first one\n` +
          `2          90s   update           ${second}   <none>\n`,
      );
      expect(await here.ok('rollout history web -o name')).to.equal(
        `controllerrevision.apps/${first}\ncontrollerrevision.apps/${second}\n`,
      );
      expect(await here.refused('rollout history web --revision 7')).to.equal(
        'gantry: unable to find revision 7 of taskset "web": there are 1, 2\n',
      );
    });

    it('shows one with its template and its configuration', async () => {
      const withSettings = template('gantry/hello:1', { envFrom: [{ configMapRef: { name: 'settings' } }] });
      await makeSet({ template: withSettings });
      const input = { kind: 'configmaps', name: 'settings', hash: 'h1', snapshot: 'settings-1' } as const;
      const name = await keep(1, withSettings, { inputs: [input] });
      expect(await here.ok('rollout history web --revision=1')).to.equal(
        `taskset.gantry.dev/web with revision #1\n` +
          `Name:           ${name}\nAge:            0s\nState:          -\nChange cause:   <none>\n` +
          `Configuration:\n  FROM                 KEPT AS\n  configmap/settings   configmap/settings-1\n` +
          `Template:\n  metadata:\n    labels:\n      app: web\n  spec:\n    image: gantry/hello:1\n    envFrom:\n    - configMapRef:\n        name: settings\n`,
      );
    });
  });

  describe('scale', () => {
    it('sets how many are wanted, if there are as many as expected', async () => {
      await makeSet();
      expect(await here.ok('scale taskset/web --replicas=5')).to.equal('taskset.gantry.dev/web scaled\n');
      expect((await here.get(taskSets, 'web')).spec.replicas).to.equal(5);
      expect(await here.refused('scale gts web --replicas=7 --current-replicas=3')).to.equal(
        'gantry: taskset.gantry.dev/web is not scaled: --current-replicas wants 3, found 5\n',
      );
      expect(await here.ok('scale gts web --replicas=0 --current-replicas=5')).to.match(/scaled/);
      expect((await here.get(taskSets, 'web')).spec.replicas).to.equal(0);
    });

    it('refuses what cannot be scaled, and figures that are none', async () => {
      await here.create(tasks, 'a', { spec: { image: 'i' } });
      expect(await here.refused('scale task/a --replicas=2')).to.equal(
        'gantry: a Task cannot be scaled: it has no /scale\n',
      );
      expect(await here.refused('scale taskset/nope --replicas=2')).to.match(
        /tasksets\.gantry\.dev "nope" not found/,
      );
      expect(await here.refused('scale taskset/web --replicas=-1')).to.match(
        /--replicas: found "-1", wanted a whole/,
      );
      expect(await here.refused('scale taskset --replicas=1')).to.match(/name what is scaled/);
      expect(await here.refused('scale taskset/web')).to.match(
        /required option '--replicas <number>' not specified/,
      );
      await here.create(taskSets, 'everywhere', {
        spec: { mode: 'Global', selector: { matchLabels: labels }, template: template('i') },
      });
      expect(await here.refused('scale taskset/everywhere --replicas=2')).to.match(
        /must be absent with mode Global/,
      );
    });
  });
});
