// What a server tells a follower, as events for one in the same process.

import type { NetworkId } from '../addressing/ids.ts';
import type { Broadcast } from './feed/broadcast.ts';
import type { FollowEvent, FollowPosition } from './model.ts';

/** As `Registry.follow` promises. */
export async function* follow(
  broadcast: Broadcast,
  networks: ReadonlySet<NetworkId>,
  after: FollowPosition | undefined,
  signal: AbortSignal,
): AsyncGenerator<FollowEvent, void, undefined> {
  for await (const chunk of broadcast.follow(networks, after, signal)) {
    // A chunk ends with its last line.
    for (const line of Buffer.from(chunk).toString().split('\n').slice(0, -1)) {
      yield JSON.parse(line) as FollowEvent;
      if (signal.aborted) return;
    }
  }
}
