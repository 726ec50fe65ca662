/** What an image reference says: whether it is one, and when Kubernetes' defaulting pulls it. */
import type { Task } from '../../../schemas/types.gen.ts';

/**
 * `[domain[:port]/]path[:tag][@digest]`, the grammar of the distribution project's `reference` package.
 * The name without its domain is lower case; a tag has at most 128 characters.
 */
const REFERENCE =
  /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?|\[[a-fA-F0-9:]+\](?::\d+)?)\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::(?<tag>\w[\w.-]{0,127}))?(?<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$/;

export type PullPolicy = NonNullable<Task['spec']['imagePullPolicy']>;

/** A sentence, or undefined when the reference can be asked for. */
export function imageProblem(image: string): string | undefined {
  return REFERENCE.test(image)
    ? undefined
    : `image "${image}" is not an image reference: wanted [registry[:port]/]name[:tag][@digest] with a name in lower case`;
}

/** Kubernetes' rule ("Images", imagePullPolicy defaulting): Always for `latest` or no tag, unless a digest pins it. */
export function pullPolicyOf(spec: Task['spec']): PullPolicy {
  if (spec.imagePullPolicy !== undefined) return spec.imagePullPolicy;
  const groups = REFERENCE.exec(spec.image)?.groups;
  if (groups?.['digest'] !== undefined) return 'IfNotPresent';
  return groups?.['tag'] === undefined || groups['tag'] === 'latest' ? 'Always' : 'IfNotPresent';
}
