// What must hold of the packages that are installed, so that everybody installs the same ones, from the registry.

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;
/** Where the packages of the project itself are, its workspaces. */
const OWN = /^packages\/[a-z-]+$/;
const REGISTRY = 'https://registry.npmjs.org/';

export interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  /** By folder; the project itself has an empty one, and its workspaces have theirs. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface LockedPackage extends PackageFile {
  readonly version?: string;
  readonly integrity?: string;
  /** Left out by npm's option omit-lockfile-registry-resolved. */
  readonly resolved?: string;
  readonly link?: boolean;
}

/** One sentence for each dependency that is not pinned, and for each locked package that is not held to one content. */
export function faultsOf(project: PackageFile, lockfile: Lockfile): readonly string[] {
  const entries = Object.entries(lockfile.packages);
  const own = entries.filter(([folder]) => OWN.test(folder));
  const locked = entries.filter(([folder]) => folder !== '' && !OWN.test(folder));
  return [
    ...faultsOfAsked('package.json', project),
    ...own.flatMap(([folder, one]) => faultsOfAsked(`${folder}/package.json`, one)),
    ...locked.flatMap(([folder, one]) => {
      const fault = faultOfLocked(one);
      return fault === null ? [] : [`package-lock.json: ${folder} ${fault}.`];
    }),
  ];
}

function faultsOfAsked(
  file: string,
  { dependencies, devDependencies }: PackageFile,
): readonly string[] {
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !EXACT.test(version))
    .map(([name, version]) => `${file} asks for ${name} ${version}, not for one version.`);
}

function faultOfLocked({ version, integrity, resolved, link }: LockedPackage): string | null {
  if (link === true) return OWN.test(resolved ?? '') ? null : 'is a link to a folder';
  if (version === undefined || !EXACT.test(version)) return 'has no version';
  if (resolved !== undefined && !resolved.startsWith(REGISTRY)) {
    return `comes from ${resolved}, not from ${REGISTRY}`;
  }
  if (integrity === undefined || !SHA512.test(integrity)) return 'has no SHA-512 of its content';
  return null;
}
