// Receiver indices: 32 random bits each, unique in the device, for handshakes and sessions in one
// space, so that a guess from outside finds nothing and a late message never meets another session.

import type { Random } from '../../base/random.ts';
import { readUint32 } from '../../wireguard/messages.ts';
import type { ReceiverIndex, Session } from '../../wireguard/session/session.ts';
import type { IndexSpace } from '../../wireguard/tunnel.ts';

/** What an index stands for: a handshake while it has no session. */
export interface IndexEntry<Owner> {
  readonly owner: Owner;
  session: Session | undefined;
}

export class IndexTable<Owner> {
  readonly #random: Random;
  readonly #drawn = new Uint8Array(4);
  /** By the index as a signed number, which the engine keeps without an object. */
  readonly #entries = new Map<number, IndexEntry<Owner>>();

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(index: number): IndexEntry<Owner> | undefined {
    return this.#entries.get(index | 0);
  }

  bind(index: ReceiverIndex, session: Session): void {
    const entry = this.get(index);
    if (entry !== undefined) entry.session = session;
  }

  release(index: ReceiverIndex): void {
    this.#entries.delete(index | 0);
  }

  /** The table as one owner's tunnel sees it; the owner may be made after its tunnel. */
  spaceOf(owner: () => Owner): IndexSpace {
    return new OwnerSpace(this, owner);
  }

  claim(owner: Owner): ReceiverIndex {
    for (;;) {
      this.#random.fill(this.#drawn);
      const index = readUint32(this.#drawn, 0);
      if (this.#entries.has(index | 0)) continue;
      this.#entries.set(index | 0, { owner, session: undefined });
      return index as ReceiverIndex;
    }
  }
}

/** One object for each peer, where three functions would be seven. */
class OwnerSpace<Owner> implements IndexSpace {
  readonly #table: IndexTable<Owner>;
  readonly #owner: () => Owner;

  constructor(table: IndexTable<Owner>, owner: () => Owner) {
    this.#table = table;
    this.#owner = owner;
  }

  claim(): ReceiverIndex {
    return this.#table.claim(this.#owner());
  }

  bind(index: ReceiverIndex, session: Session): void {
    this.#table.bind(index, session);
  }

  release(index: ReceiverIndex): void {
    this.#table.release(index);
  }
}
