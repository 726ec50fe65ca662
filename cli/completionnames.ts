/**
 * Names for completion, asked from the server within a second. Whoever presses a key wants no message: what cannot be had
 * in that time, for whatever reason, is not offered, and the kinds are then those that every server has.
 */
import { isRecord } from '../machinery/json.ts';
import { builtinKinds, jobs, taskTemplates } from '../schemas/kinds.ts';
import { declaredIn } from '../schemas/parameters.ts';
import type { Candidate, Names, Place } from './completion.ts';
import { findKind } from './discovery.ts';
import type { Io } from './io.ts';
import { type Session, withSession } from './session.ts';
import { SETTINGS } from './settings.ts';

const PATIENCE_MS = 1_000;
const MOST_NAMES = 500;
/** A parameter with more values than these is completed by its name only. */
const MOST_VALUES = 16;

export function askedNames(io: Io): Names {
  const ask = async <T>(
    place: Place,
    work: (session: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> => {
    const late = new AbortController();
    const timer = io.clock.after(PATIENCE_MS, () => late.abort());
    const signal = AbortSignal.any([io.signal, late.signal]);
    try {
      return await withSession(place, { ...io, signal, stderr: SILENT }, (session) => work(session, signal));
    } catch {
      // No server, no kubeconfig, no permission, no such kind, no time: nothing to offer, and nobody to tell.
      return undefined;
    } finally {
      timer.cancel();
    }
  };
  return {
    async kinds(place) {
      const found = await ask(place, (session) => session.kinds());
      if (found === undefined)
        return builtinKinds.map(({ spec }) => kindCandidate(spec.names.plural, spec.names.kind));
      return found
        .filter(({ verbs, plural }) => verbs.includes('list') && !plural.includes('/'))
        .map(({ plural, kind }) => kindCandidate(plural, kind));
    },

    async objects(kind, place) {
      const found = await ask(place, async (session, signal) => {
        const resource = findKind(await session.kinds(), kind);
        const scope = resource.namespaced ? { namespace: session.namespace } : {};
        return session.client.list(resource, { ...scope, limit: MOST_NAMES, signal });
      });
      return (found?.items ?? []).map(({ metadata }) => ({ value: metadata.name }));
    },

    async parameters(owner, name, place) {
      const found = await ask(place, async ({ client, namespace }, signal) => {
        const key = { namespace, name };
        if (owner === 'jobs') {
          const { parameters = [] } = (await client.get(jobs, key, { signal })).spec;
          return parameters.map((parameter): readonly [string, unknown] => [parameter.name, parameter]);
        }
        const { spec } = await client.get(taskTemplates, key, { signal });
        return Object.entries(declaredIn(spec.parameters));
      });
      return (found ?? []).flatMap(([parameter, schema]) => parameterCandidates(parameter, schema));
    },

    settingValues: (flag) => Object.values(SETTINGS).find(({ name }) => name === flag)?.values ?? [],
  };
}

const SILENT = { write: () => Promise.resolve() };

function kindCandidate(plural: string, kind: string): Candidate {
  return { value: plural, description: kind };
}

function parameterCandidates(name: string, schema: unknown): readonly Candidate[] {
  const { enum: values, description } = isRecord(schema) ? schema : {};
  const told = typeof description === 'string' ? { description } : {};
  if (!Array.isArray(values) || values.length > MOST_VALUES) return [{ value: `${name}=`, ...told }];
  return values.map((value) => ({
    value: `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    ...told,
  }));
}
