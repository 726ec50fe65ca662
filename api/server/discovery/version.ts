/** `/version`, in the form clients of Kubernetes read. */

export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  /** The Kubernetes version whose API this speaks, then Gantry's own: clients warn when the former is far from theirs. */
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

/** The Kubernetes API this server is compatible with. */
const KUBERNETES = { major: '1', minor: '33', patch: '0' };

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export function versionInfo(productVersion: string, gitCommit = ''): VersionInfo {
  const { major, minor, patch } = KUBERNETES;
  return {
    major,
    minor,
    gitVersion: `v${major}.${minor}.${patch}+gantry.${productVersion}`,
    gitCommit,
    gitTreeState: 'clean',
    buildDate: '',
    goVersion: `node${process.versions.node}`,
    compiler: 'v8',
    platform: `${process.platform}/${ARCHITECTURES[process.arch] ?? process.arch}`,
  };
}
