// Network namespaces for end-to-end tests: made under names that nobody else has, joined by veth
// pairs, and removed whatever becomes of the test.

import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';

const COMMAND_TIMEOUT_MS = 30_000;

/** Why end-to-end tests cannot run here, or false when they can: the `skip` option of a test. */
export const SKIP: string | false = skipReason();

/** A test, or whatever else undoes what was made for it. */
export interface Scope {
  after(undo: () => unknown): void;
}

export interface TestNamespace {
  readonly name: string;
  /** For setns. */
  readonly path: string;
  /** Runs a program inside, its words apart by blanks; returns its output, throws when it fails. */
  run(command: string): string;
  /** The same without blocking this process, which may have to answer meanwhile. */
  runAsync(command: string, input?: string): Promise<string>;
}

/** A namespace with its loopback up; removed at the end of the test. */
export function makeNamespace(t: Scope, label: string): TestNamespace {
  const name = `p6n-${label}-${randomBytes(4).toString('hex')}`;
  execute('ip', ['netns', 'add', name]);
  t.after(() => execute('ip', ['netns', 'del', name]));
  const inside = (command: string): string[] => ['netns', 'exec', name, ...command.split(' ')];
  const namespace: TestNamespace = {
    name,
    path: `/run/netns/${name}`,
    run: (command) => execute('ip', inside(command)),
    runAsync: (command, input = '') => executeAsync('ip', inside(command), input),
  };
  namespace.run('ip link set lo up');
  return namespace;
}

/** Joins two namespaces by a veth pair with one address on each side, in text with its length. */
export function joinNamespaces(
  one: TestNamespace,
  addressOfOne: string,
  other: TestNamespace,
  addressOfOther: string,
): void {
  const [a, b] = [linkName(), linkName()];
  execute(
    'ip',
    `link add ${a} netns ${one.name} type veth peer ${b} netns ${other.name}`.split(' '),
  );
  for (const [namespace, link, address] of [
    [one, a, addressOfOne],
    [other, b, addressOfOther],
  ] as const) {
    namespace.run(`ip addr add ${address} dev ${link}${address.includes(':') ? ' nodad' : ''}`);
    // An address of its own accord would come a second later, as a change of routes in mid-test.
    namespace.run(`ip link set ${link} addrgenmode none`);
    namespace.run(`ip link set ${link} up`);
  }
}

function linkName(): string {
  return `v${randomBytes(5).toString('hex')}`;
}

function skipReason(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun';
  return false;
}

function execute(program: string, words: readonly string[]): string {
  return execFileSync(program, words, { encoding: 'utf8', timeout: COMMAND_TIMEOUT_MS });
}

function executeAsync(program: string, words: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      words,
      { timeout: COMMAND_TIMEOUT_MS },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${error.message}\n${stdout}${stderr}`));
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
