// Operators of this host in networks, with a proxy or a ping: while somebody visits a network, this
// host is present in it as if an instance of it were here.

import type { NetworkId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';

/** Each holds a connection of p6nctl. */
export const VISITS_MAX = 512;

export class Visits {
  readonly #onChange: () => void;
  /** How many there are, by network. */
  readonly #counts = new Map<NetworkId, number>();
  #count = 0;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  networks(): ReadonlySet<NetworkId> {
    return new Set(this.#counts.keys());
  }

  /** Begins a visit; the returned function ends it. Throws LIMIT_REACHED. */
  begin(network: NetworkId): () => void {
    if (this.#count >= VISITS_MAX) {
      throw new P6nError('LIMIT_REACHED', `Cannot visit a network: ${VISITS_MAX} visits are on`, {
        hint: 'Each proxy and each ping of this host is one; end some.',
      });
    }
    this.#count += 1;
    this.#add(network, 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#count -= 1;
      this.#add(network, -1);
    };
  }

  #add(network: NetworkId, difference: number): void {
    const before = this.#counts.get(network) ?? 0;
    const after = before + difference;
    if (after === 0) this.#counts.delete(network);
    else this.#counts.set(network, after);
    if (before === 0 || after === 0) this.#onChange();
  }
}
