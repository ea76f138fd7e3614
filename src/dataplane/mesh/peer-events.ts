// What happens to peers in the middle of packets, kept until the loop has time to tell: a set of
// each kind, so that a peer that roams with every packet makes one event a round.

import type { DeviceEvents } from '../../device/ports.ts';
import type { PeerIndex } from '../../device/routes.ts';

export class PeerEvents implements DeviceEvents {
  readonly #handshakes = new Set<PeerIndex>();
  readonly #roamed = new Set<PeerIndex>();
  readonly #silent = new Set<PeerIndex>();

  handshakeCompleted(peer: PeerIndex): void {
    this.#handshakes.add(peer);
  }

  peerSilent(peer: PeerIndex): void {
    this.#silent.add(peer);
  }

  endpointRoamed(peer: PeerIndex): void {
    this.#roamed.add(peer);
  }

  /** Tells all that is kept, and forgets it. */
  drain(listener: DeviceEvents): void {
    if (this.#handshakes.size > 0) {
      for (const peer of this.#handshakes) listener.handshakeCompleted(peer);
      this.#handshakes.clear();
    }
    if (this.#silent.size > 0) {
      for (const peer of this.#silent) listener.peerSilent(peer);
      this.#silent.clear();
    }
    if (this.#roamed.size > 0) {
      for (const peer of this.#roamed) listener.endpointRoamed(peer);
      this.#roamed.clear();
    }
  }
}
