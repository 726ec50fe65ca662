/** What an image reference says: whether it is one, and when Kubernetes' defaulting pulls it. */
import type { Task } from '../../../schemas/types.gen.ts';

/**
 * `[domain[:port]/]path[:tag][@digest]`, the grammar of the distribution project's `reference` package.
 * The name without its domain is lower case; a tag has at most 128 characters.
 */
const REFERENCE =
  /^(?<name>(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?|\[[a-fA-F0-9:]+\](?::\d+)?)\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)(?::(?<tag>\w[\w.-]{0,127}))?(?<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$/;

export type PullPolicy = NonNullable<Task['spec']['imagePullPolicy']>;

/** A sentence, or undefined when the reference can be asked for. */
export function imageProblem(image: string): string | undefined {
  return REFERENCE.test(image)
    ? undefined
    : `image "${image}" is not an image reference: wanted [registry[:port]/]name[:tag][@digest] with a name in lower case`;
}

/** Where it is pulled from: Docker's rule for a first part that is a host, and `docker.io` for one without. */
export function repositoryOf(image: string): { readonly domain: string; readonly path: string } | undefined {
  const groups = REFERENCE.exec(image)?.groups;
  if (groups === undefined) return undefined;
  const name = groups['name'] ?? '';
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:A-Z]/.test(first) || first === 'localhost';
  const domain = isHost ? first : 'docker.io';
  const path = isHost ? name.slice(slash + 1) : name;
  const isHub = domain === 'docker.io' || domain === 'index.docker.io';
  return isHub
    ? { domain: 'docker.io', path: path.includes('/') ? path : `library/${path}` }
    : { domain, path };
}

/**
 * One spelling for all references to the same name: `docker.io/library/busybox:latest` for `busybox`. A digest decides
 * alone. Undefined for no reference.
 */
export function canonicalReference(image: string): string | undefined {
  const repository = repositoryOf(image);
  const groups = REFERENCE.exec(image)?.groups;
  if (repository === undefined || groups === undefined) return undefined;
  const { tag = 'latest', digest } = groups;
  return `${repository.domain}/${repository.path}${digest ?? `:${tag}`}`;
}

/** Kubernetes' rule ("Images", imagePullPolicy defaulting): Always for `latest` or no tag, unless a digest pins it. */
export function pullPolicyOf(spec: Task['spec']): PullPolicy {
  if (spec.imagePullPolicy !== undefined) return spec.imagePullPolicy;
  const groups = REFERENCE.exec(spec.image)?.groups;
  if (groups?.['digest'] !== undefined) return 'IfNotPresent';
  return groups?.['tag'] === undefined || groups['tag'] === 'latest' ? 'Always' : 'IfNotPresent';
}
