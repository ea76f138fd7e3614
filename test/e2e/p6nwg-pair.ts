// p6nwg on one side and wireguard-go on the other, their addresses inside and outside, and nobody
// told yet where the other is.

import { joinNamespaces, makeNamespace, type Scope, type TestNamespace } from './namespaces.ts';
import { P6NWG, type Program, startProgram } from './p6nwg.ts';

const PORT = 51_820;

export interface Pair {
  readonly a: TestNamespace;
  readonly b: TestNamespace;
  readonly ours: Program;
  readonly theirs: Program;
}

/** Ours has 10.77.0.1 and fd77::1 inside, theirs .2; nobody knows where the other is. */
export async function startPair(
  t: Scope,
  program: string,
  environment: Readonly<Record<string, string>> = {},
  ourProgram: string = P6NWG,
): Promise<Pair> {
  const [a, b] = [makeNamespace(t, 'a'), makeNamespace(t, 'b')];
  joinNamespaces(a, '10.9.0.1/24', b, '10.9.0.2/24');
  joinNamespaces(a, '2001:db8:9::1/64', b, '2001:db8:9::2/64');
  const [ours, theirs] = await Promise.all([
    startProgram(t, a, ourProgram, { listenPort: PORT, environment }),
    startProgram(t, b, program, { listenPort: PORT }),
  ]);
  ours.set(`peer ${theirs.publicKey} allowed-ips 10.77.0.2/32,fd77::2/128`);
  theirs.set(`peer ${ours.publicKey} allowed-ips 10.77.0.1/32,fd77::1/128`);
  for (const [namespace, one, last] of [
    [a, ours, 1],
    [b, theirs, 2],
  ] as const) {
    namespace.run(`ip link set ${one.interfaceName} addrgenmode none`);
    namespace.run(`ip addr add 10.77.0.${last}/24 dev ${one.interfaceName}`);
    namespace.run(`ip addr add fd77::${last}/64 dev ${one.interfaceName} nodad`);
    namespace.run(`ip link set ${one.interfaceName} mtu 1420 up`);
  }
  return { a, b, ours, theirs };
}
