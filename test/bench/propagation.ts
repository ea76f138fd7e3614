// How long a change of the registry takes until another host's name server answers by it, while
// others write metadata; and how long `instances run` takes. Three real hosts in namespaces, one of
// them a server. `npm run bench`, as root.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { HostId, InstanceId, MachineId, NetworkId } from '../../src/addressing/ids.ts';
import { classifyAddress, hostAddress } from '../../src/addressing/layout.ts';
import type { InstanceView } from '../../src/api/contract/instances.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import type { Instance } from '../../src/registry/model.ts';
import { Site, type SiteHost } from '../e2e/site.ts';
import { ETCD_MISSING, EtcdCluster } from '../fakes/etcd.ts';
import type { Turned } from './host-writer.ts';
import { monotonicMs, WatchedName } from './watched-name.ts';

const WRITER = fileURLToPath(new URL('./host-writer.js', import.meta.url));
const METADATA_WRITES_PER_SECOND = 50;
const BUSY_INSTANCES = 5;
const TURNS = 300;
/** Between turns, so that they meet the other writes at every phase, milliseconds. */
const PAUSE_MAX_MS = 60;
const RUNS = 15;
const RUNS_UNCOUNTED = 2;
const COMMAND = ['sleep', 'infinity'];
const QUESTION = { name: 'web.internal', type: 'AAAA', network: 'blue' };

let registry = '';
for (registry of ETCD_MISSING === undefined ? ['SQLite', 'etcd'] : ['SQLite']) {
  const site = await Site.create();
  const server = await site.addHost('one');
  const etcd = registry === 'etcd' ? await startEtcd(server) : undefined;
  try {
    const place = etcd === undefined ? [] : ['--registry', `etcd://${etcd.endpoints.join(',')}`];
    await server.start('--region', 'ams', ...place);
    const [reader, writer] = [await site.addHost('two'), await site.addHost('three')];
    for (const host of [reader, writer]) await host.join(server, '--region', 'fra');
    await server.must('apps', 'create', 'web', '--network', 'blue');
    await server.must('apps', 'create', 'busy', '--network', 'blue');
    await reader.client.instances.run({ app: 'busy', name: 'reader', command: COMMAND });
    await measurePropagation(server, reader, writer);
    await measureRuns(reader);
  } finally {
    await site.remove();
    await etcd?.stop();
  }
}

/** One member, where the server reaches it outside of the mesh. */
function startEtcd(server: SiteHost): Promise<EtcdCluster> {
  const prefix = ['ip', 'netns', 'exec', server.namespace];
  return EtcdCluster.start({ addresses: [server.underlay], prefixes: [prefix] });
}

/** From a write of a host to what another host's name server answers. */
async function measurePropagation(
  server: SiteHost,
  reader: SiteHost,
  host: SiteHost,
): Promise<void> {
  const run = (app: string, name: string): Promise<InstanceView> =>
    host.client.instances.run({ app, name, command: COMMAND });
  const views = [await run('web', 'turning')];
  for (let n = 0; n < BUSY_INSTANCES; n += 1) views.push(await run('busy', `busy-${n}`));
  const { hosts } = await server.client.hosts.list();
  const serverId = hosts.find(({ name }) => name === server.name)?.id as HostId;
  const child = startWriter(host, serverId, views.map(recordOf));
  const watched = new WatchedName(reader, QUESTION);
  try {
    await watched.until(true);
    const fromRequest: number[] = [];
    const fromAcknowledgement: number[] = [];
    for (let n = 0; n < TURNS; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MAX_MS));
      const turned = once(child, 'message');
      child.send('turn');
      const answeredMs = await watched.until(n % 2 === 1);
      const [{ requestedMs, acknowledgedMs }] = (await turned) as [Turned];
      fromRequest.push(answeredMs - requestedMs);
      fromAcknowledgement.push(answeredMs - acknowledgedMs);
    }
    print('request of one host to the answer of another', fromRequest);
    print('acknowledged commit to that answer', fromAcknowledgement);
  } finally {
    watched.end();
    child.disconnect();
    await once(child, 'exit');
  }
}

async function measureRuns(host: SiteHost): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < RUNS_UNCOUNTED + RUNS; n += 1) {
    const startedMs = monotonicMs();
    await host.client.instances.run({ app: 'web', name: `run-${n}`, command: COMMAND });
    if (n >= RUNS_UNCOUNTED) times.push(monotonicMs() - startedMs);
    await host.client.instances.remove(`run-${n}`, { force: true });
  }
  print('`instances run` by the API', times);
}

function startWriter(host: SiteHost, server: HostId, records: readonly Instance[]): ChildProcess {
  const words = ['netns', 'exec', host.namespace, process.execPath, WRITER, host.stateDir];
  words.push(hostAddress(server), JSON.stringify(records), `${METADATA_WRITES_PER_SECOND}`);
  return spawn('ip', words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/** The record behind a view. */
function recordOf(view: InstanceView): Instance {
  const place = classifyAddress(view.address);
  return {
    kind: 'instance',
    machineId: view.id as MachineId,
    app: view.app,
    network: view.network_id as NetworkId,
    host: view.host_id as HostId,
    instanceId: (place?.kind === 'instance' ? place.instance : 0) as InstanceId,
    address: view.address as Ipv6Address,
    name: view.name,
    group: view.group,
    region: view.region,
    metadata: view.metadata,
    state: view.state,
    createdAt: view.created_at as WallMillis,
    updatedAt: view.updated_at as WallMillis,
  };
}

function print(what: string, times: readonly number[]): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.floor(sorted.length * part)] ?? Number.NaN).toFixed(1);
  const figures = `median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms, ${times.length} times`;
  process.stdout.write(`propagation: ${registry}: ${what}: ${figures}\n`);
}
