// What moves packets and answers names. It starts from what this host has on disk: no server and no
// registry is asked, so that the connections of instances wait as short as they can.

import { join as joinPath } from 'node:path';
import { Agent, PROCESS_TIMERS } from '../../agent/agent.ts';
import { HostLedger } from '../../agent/host-ledger.ts';
import type { InviteSource } from '../../agent/ports.ts';
import type { Lifecycle } from '../../base/lifecycle.ts';
import { Dataplane, type DataplaneEvent } from '../../dataplane/dataplane.ts';
import { readRecentPeers, SessionBook } from '../../dataplane/session-book.ts';
import { CopyFile } from '../../follower/copy-file.ts';
import { Follower } from '../../follower/follower.ts';
import { NAMESERVER_OPTIONS, Nameserver } from '../../nameserver/nameserver.ts';
import { followResolvConf } from '../../nameserver/resolv-conf-follower.ts';
import { TimestampFile } from '../../os/timestamp-file.ts';
import { AppliedConfig } from '../applied-config.ts';
import type { DaemonConfig } from '../config.ts';
import { NetworkDoor } from '../doors/network-door.ts';
import { resolveHostName } from '../endpoints.ts';
import type { GatewayKey } from '../gateway-key.ts';
import type { HostKeyRing } from '../host-key-ring.ts';
import type { Identity } from '../identity.ts';
import type { IdentityKeeper } from '../identity-keeper.ts';
import type { DaemonLogger } from '../log.ts';
import type { Machine } from '../machine.ts';
import { OpeningAccess } from '../site-access.ts';
import { agentIdentity, COPY_FILE, initialDataplane } from '../start-state.ts';

const LEDGER_FILE = 'hosts.json';
const SESSIONS_FILE = 'sessions.json';
const CLOCK_FILE = 'handshake-clock';

/** What every part stands on. */
export interface Ground {
  readonly config: DaemonConfig;
  readonly logger: DaemonLogger;
  readonly lifecycle: Lifecycle;
  readonly machine: Machine;
  /** Where this host says that it is reached. */
  readonly endpoints: readonly string[];
}

/** Who this host is, and the keys that prove it. */
export interface Self {
  readonly keeper: IdentityKeeper;
  readonly key: HostKeyRing;
  /** For WireGuard peers. */
  readonly gateway: GatewayKey;
}

export interface MovingParts extends Self {
  readonly identity: Identity;
  readonly opening: OpeningAccess;
  readonly dataplane: Dataplane;
  readonly applied: AppliedConfig;
  readonly sessions: SessionBook;
  readonly follower: Follower;
  /** What of the copy is believed. */
  readonly ledger: HostLedger;
  readonly agent: Agent;
  readonly names: Nameserver;
  readonly networkDoor: NetworkDoor;
}

/** What these parts tell and ask of parts that start later. */
interface Bonds {
  readonly invites: InviteSource;
  readonly onEvent: (event: DataplaneEvent) => void;
}

export async function startMoving(ground: Ground, self: Self, bonds: Bonds): Promise<MovingParts> {
  const { config, lifecycle, logger, machine } = ground;
  const { clock, random, links, echo } = machine;
  const identity = self.keeper.current;
  const packets = await startPackets(ground, self, bonds.onEvent);
  const opening = new OpeningAccess();
  const path = joinPath(config.stateDir, COPY_FILE);
  const { transport, apps, writer } = opening;
  const file = new CopyFile({ logger }, { path });
  const follower = new Follower({ transport, clock, random, logger, file });
  lifecycle.started('follower', follower);
  await follower.load();
  const ledger = await openLedger(ground, follower, identity);
  const names = await startNameserver(ground);
  const networkDoor = new NetworkDoor({ sockets: machine.sockets, logger });
  lifecycle.started('network door', networkDoor);
  const agent = await Agent.start(
    {
      identity: () => {
        const { key, gateway } = self;
        const { endpoints } = ground;
        return agentIdentity(config, identity, key.current, endpoints, gateway.current);
      },
      copy: ledger,
      invites: bonds.invites,
      ...{ apps, writer, links, echo, clock, random, logger },
      names: networkDoor.beside(names),
      dataplane: packets.applied,
      resolver: { resolve: resolveHostName },
    },
    { stateFolder: config.stateDir },
  );
  lifecycle.started('agent', agent);
  // It ends first: the agent's own end waits for what it has asked.
  lifecycle.started('access to the site', opening);
  return { ...self, ...packets, identity, opening, follower, ledger, agent, names, networkDoor };
}

async function startPackets(
  { config, lifecycle, logger, machine }: Ground,
  { keeper, key }: Self,
  onEvent: (event: DataplaneEvent) => void,
): Promise<Pick<MovingParts, 'dataplane' | 'applied' | 'sessions'>> {
  const { stateDir, offloads } = config;
  const initial = initialDataplane(config, keeper.current, key.current);
  const timestamps = new TimestampFile(joinPath(stateDir, CLOCK_FILE));
  const path = joinPath(stateDir, SESSIONS_FILE);
  const recentPeers = await readRecentPeers(path);
  const dataplane = await Dataplane.start({
    ...{ config: initial, logger, onEvent, timestamps, recentPeers, offloads },
  });
  lifecycle.started('data plane', dataplane);
  const wallNow = () => machine.clock.wallNow();
  const sessions = new SessionBook(path, { peers: () => dataplane.peers(), wallNow, logger });
  lifecycle.started('sessions', sessions);
  return { dataplane, applied: new AppliedConfig(dataplane, initial), sessions };
}

async function openLedger(
  { config, lifecycle, logger }: Ground,
  follower: Follower,
  { siteKey }: Identity,
): Promise<HostLedger> {
  const path = joinPath(config.stateDir, LEDGER_FILE);
  const dependencies = { copy: follower, timers: PROCESS_TIMERS, logger };
  const ledger = await HostLedger.open(dependencies, { path, siteKey });
  lifecycle.started('ledger of hosts', ledger);
  return ledger;
}

async function startNameserver(ground: Ground): Promise<Nameserver> {
  const { config, lifecycle, logger } = ground;
  const { clock, random, sockets } = ground.machine;
  const nameserver = new Nameserver({ sockets, clock, random, logger });
  lifecycle.started('name server', nameserver);
  const { upstreams } = config;
  if (upstreams.length > 0) {
    nameserver.setUpstreams(
      upstreams.map((address) => ({ address, port: NAMESERVER_OPTIONS.port })),
    );
    return nameserver;
  }
  const resolvConf = await followResolvConf(logger, (found) => nameserver.setUpstreams(found));
  lifecycle.started('resolv.conf', resolvConf);
  return nameserver;
}
