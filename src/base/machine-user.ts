// How a program of root's becomes that of a user of the machine who is in further groups: through
// setpriv(1) of util-linux, as Node.js and nsenter(1) leave a user without them.

export interface MachineUser {
  readonly uid: number;
  readonly gid: number;
  /** Besides `gid`. */
  readonly groups: readonly number[];
}

/** Not by a PATH, in whose folders others may write. */
const SETPRIV = '/usr/bin/setpriv';
/** What the C library loads code or data by. */
const LOADER_PATTERN = /^(?:LD_|GLIBC_|GCONV_PATH$|LOCPATH$|NLSPATH$)/;

/** What stands before a command that is to run as the user. */
export function userWords({ gid, groups, uid }: MachineUser): readonly string[] {
  const all = [gid, ...groups].join(',');
  return [SETPRIV, `--reuid=${uid}`, `--regid=${gid}`, `--groups=${all}`, '--'];
}

/** Whether a program that is still root's must not get this variable from others. */
export function isLoaderVariable(name: string): boolean {
  return LOADER_PATTERN.test(name);
}
