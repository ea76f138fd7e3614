// Instance to instance: through two p6nd beside two p6nwg, and between two instances of one host
// beside a veth pair, in turn. `npm run bench`, as root.

import { joinNamespaces, makeNamespace } from '../e2e/namespaces.ts';
import { P6NWG } from '../e2e/p6nwg.ts';
import { startPair } from '../e2e/p6nwg-pair.ts';
import { must, Site, type SiteHost, until } from '../e2e/site.ts';
import { type Flow, median, say, startReceiver, tcp } from './traffic.ts';

const ROUNDS = 3;
const SECONDS = 3;
const PORT = 51_820;

const undone: (() => unknown)[] = [];
const scope = { after: (undo: () => unknown) => undone.push(undo) };
try {
  await main();
} finally {
  for (const undo of undone.reverse()) await undo();
}

async function main(): Promise<void> {
  const site = await Site.running(2);
  scope.after(() => site.remove());
  const [one, two] = site.hosts as [SiteHost, SiteHost];
  await one.must('apps', 'create', 'web', '--network', 'blue');
  const [here, near] = [await attach(one, 'here'), await attach(one, 'near')];
  const far = await attach(two, 'far');
  const flows: Record<string, Flow> = {
    'two p6nd': { from: here.namespace, to: far.namespace, address: far.address },
    'two p6nwg': await standalone(),
    'one p6nd': { from: here.namespace, to: near.namespace, address: near.address },
    'veth pair': veth(),
  };
  const found = new Map(Object.keys(flows).map((name) => [name, [] as number[]]));
  for (const flow of Object.values(flows)) {
    const reached = (): Promise<boolean> =>
      must('ip', 'netns', 'exec', flow.from, 'ping', '-6', '-c', '1', flow.address).then(
        () => true,
        () => false,
      );
    await until(`an answer of ${flow.address}`, reached);
    const receiver = await startReceiver(flow.to);
    scope.after(() => receiver.kill());
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, flow] of Object.entries(flows)) {
      found.get(name)?.push((await tcp(flow, 1, SECONDS)).gigabits);
    }
  }
  const of = (name: string): number => median(found.get(name) ?? []);
  for (const name of found.keys()) say(`${name.padEnd(10)} ${of(name).toFixed(2)} Gbit/s`);
  say(`mesh path: ${(of('two p6nd') / of('two p6nwg')).toFixed(2)} of p6nwg`);
  say(`same host: ${(of('one p6nd') / of('veth pair')).toFixed(2)} of a veth pair`);
}

interface Attached {
  readonly namespace: string;
  readonly address: string;
}

/** An instance that is a network namespace and nothing else. */
async function attach(host: SiteHost, label: string): Promise<Attached> {
  const { name, path } = makeNamespace(scope, label);
  const words = ['instances', 'attach', '--app', 'web', '--netns', path];
  const { address } = await host.json<{ readonly address: string }>(...words);
  return { namespace: name, address };
}

async function standalone(): Promise<Flow> {
  const { a, b, ours, theirs } = await startPair(scope, P6NWG);
  ours.set(`peer ${theirs.publicKey} endpoint 10.9.0.2:${PORT}`);
  return { from: a.name, to: b.name, address: 'fd77::2' };
}

function veth(): Flow {
  const [a, b] = [makeNamespace(scope, 'va'), makeNamespace(scope, 'vb')];
  joinNamespaces(a, 'fd78::1/64', b, 'fd78::2/64');
  return { from: a.name, to: b.name, address: 'fd78::2' };
}
