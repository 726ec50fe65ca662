/**
 * Which of a group's versions comes first: stable before beta before alpha, then the higher one; what is not spelled
 * like a Kubernetes version comes last, by name.
 * Source: Kubernetes documentation, "Versions in CustomResourceDefinitions": version priority.
 */
const SPELLING = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const STAGES = ['alpha', 'beta', undefined];

interface Parsed {
  readonly stage: number;
  readonly major: number;
  readonly minor: number;
}

function parse(version: string): Parsed | undefined {
  const match = SPELLING.exec(version);
  if (match === null) return undefined;
  const [, major, stage, minor = '0'] = match;
  return { stage: STAGES.indexOf(stage), major: Number(major), minor: Number(minor) };
}

/** For `sort`: the preferred version first. */
export function byVersionPriority(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  if (left === undefined || right === undefined) {
    if (left === right) return a < b ? -1 : a > b ? 1 : 0;
    return left === undefined ? 1 : -1;
  }
  return right.stage - left.stage || right.major - left.major || right.minor - left.minor;
}
