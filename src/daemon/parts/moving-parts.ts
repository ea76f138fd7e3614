// What tells the data plane what to move, and answers names. It starts from what this host has on
// disk: no server and no registry is asked, so that the connections of instances wait as short as
// they can.

import { join as joinPath } from 'node:path';
import { Agent, PROCESS_TIMERS } from '../../agent/agent.ts';
import { HostLedger } from '../../agent/host-ledger.ts';
import type { InviteSource } from '../../agent/ports.ts';
import { CopyFile } from '../../follower/copy-file.ts';
import { Follower } from '../../follower/follower.ts';
import { NAMESERVER_OPTIONS, Nameserver } from '../../nameserver/nameserver.ts';
import { followResolvConf } from '../../nameserver/resolv-conf-follower.ts';
import { NetworkDoor } from '../doors/network-door.ts';
import { resolveHostName } from '../endpoints.ts';
import type { Identity } from '../identity.ts';
import { OpeningAccess } from '../site-access.ts';
import { agentIdentity, COPY_FILE } from '../start-state.ts';
import type { Ground, Self } from './ground.ts';
import type { Packets } from './packets.ts';

const LEDGER_FILE = 'hosts.json';

export interface MovingParts extends Self, Packets {
  readonly identity: Identity;
  readonly opening: OpeningAccess;
  readonly follower: Follower;
  /** What of the copy is believed. */
  readonly ledger: HostLedger;
  readonly agent: Agent;
  readonly names: Nameserver;
  readonly networkDoor: NetworkDoor;
}

/** What these parts need of those that start before and after them. */
interface Bonds {
  readonly packets: Packets;
  readonly invites: InviteSource;
}

export async function startMoving(ground: Ground, self: Self, bonds: Bonds): Promise<MovingParts> {
  const { packets } = bonds;
  const { config, lifecycle, logger, machine } = ground;
  const { clock, random, links, echo } = machine;
  const identity = self.keeper.current;
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
