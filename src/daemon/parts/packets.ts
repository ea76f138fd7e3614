// What moves packets. It starts first, and its thread loads while the other parts load here, so
// that the connections of instances wait as short as they can.

import { join as joinPath } from 'node:path';
import { Dataplane, type DataplaneEvent } from '../../dataplane/dataplane.ts';
import { readRecentPeers, SessionBook } from '../../dataplane/session-book.ts';
import { TimestampFile } from '../../os/timestamp-file.ts';
import { AppliedConfig } from '../applied-config.ts';
import { initialDataplane } from '../start-state.ts';
import type { Ground, Self } from './ground.ts';

const SESSIONS_FILE = 'sessions.json';
const CLOCK_FILE = 'handshake-clock';

export interface Packets {
  readonly dataplane: Dataplane;
  readonly applied: AppliedConfig;
  readonly sessions: SessionBook;
}

export async function startPackets(
  { config, lifecycle, logger, machine }: Ground,
  { keeper, key }: Self,
  onEvent: (event: DataplaneEvent) => void,
): Promise<Packets> {
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
