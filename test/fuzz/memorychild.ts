/**
 * A process of its own that is fuzzed, is cleaned up, and says how much memory it then holds; again and again. Run with
 * `--expose-gc`; arguments: first seed, rounds, requests in each. One JSON line for each round on standard output.
 */

import { askPort, asRecord } from '../api/server/harness.ts';
import { Certificates } from '../client/secureserver.ts';
import { exchange } from './rawhttp.ts';
import { eventually, runRound, servedKinds } from './round.ts';
import { openTarget } from './target.ts';

const [seed = 1, rounds = 1, requests = 100] = process.argv.slice(2).map(Number);
/** Holds a definition until its objects are gone. */
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

const { gc } = globalThis;
if (gc === undefined) throw new Error('run with --expose-gc');

const certificates = new Certificates();
const target = await openTarget(certificates, { hasSmallCaches: true });
const { port } = target.plain;
for (let round = 0; round < rounds; round++) {
  await target.prepare();
  await runRound(target, {
    seed: seed + round,
    requests,
    concurrency: 8,
    send: (request, options) => exchange(target.plain, request, options),
  });
  await removeAll();
  await target.store.compact(target.store.revision());
  // Garbage of a collection is found by the next one.
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  const { keys } = await target.store.size();
  console.log(JSON.stringify({ heapUsed, external, arrayBuffers, keys }));
}
await target.close();
certificates.remove();
process.exit(0);

/** Deletes what can be deleted, whatever holds it. */
async function removeAll(): Promise<void> {
  const kinds = (await servedKinds(port)).filter(
    ({ verbs }) => verbs.includes('delete') && verbs.includes('patch'),
  );
  for (const kind of kinds.filter(({ plural }) => plural !== 'customresourcedefinitions')) {
    const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
    for (const { name, namespace, finalizers } of await metadataOf(`${root}/${kind.plural}`)) {
      const place = kind.namespaced ? `${root}/namespaces/${String(namespace)}` : root;
      const path = `${place}/${kind.plural}/${encodeURIComponent(String(name))}`;
      await askPort(port, 'DELETE', `${path}?gracePeriodSeconds=0`);
      if (kind.plural !== 'namespaces' && finalizers !== undefined) await hold(path, null);
    }
  }
  // Last, because objects go with their definition, once nothing holds them.
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await eventually('the definitions to be gone', async () => {
    const left = await metadataOf(definitions);
    for (const { name, finalizers } of left) {
      const path = `${definitions}/${String(name)}`;
      await askPort(port, 'DELETE', path);
      const holds = Array.isArray(finalizers) ? finalizers : [];
      // A refusal means that it was changed meanwhile: the next turn sees how.
      if (holds.some((item) => item !== CLEANUP))
        await hold(
          path,
          holds.filter((item) => item === CLEANUP),
        );
    }
    return left.length === 0;
  });
}

async function metadataOf(path: string): Promise<Record<string, unknown>[]> {
  const { items } = (await askPort(port, 'GET', path)).json();
  return (Array.isArray(items) ? items : []).map((item) => asRecord(asRecord(item).metadata));
}

async function hold(path: string, finalizers: unknown): Promise<void> {
  await askPort(port, 'PATCH', path, {
    headers: { 'Content-Type': 'application/merge-patch+json' },
    body: JSON.stringify({ metadata: { finalizers } }),
  });
}
