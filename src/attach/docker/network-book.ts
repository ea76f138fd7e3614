// The networks that Docker has made with this driver, and which app each is of. Docker tells it
// once, when a network is made, so it is kept on disk.

import { P6nError } from '../../base/errors.ts';
import type { Facts } from './protocol.ts';

export const NETWORKS_MAX = 4_096;

/** A file that is replaced as a whole. */
export interface BookFile {
  /** Undefined when there is none. */
  readonly read: () => Promise<string | undefined>;
  readonly write: (text: string) => Promise<void>;
}

export interface NetworkFacts extends Facts {
  readonly app: string;
}

export class NetworkBook {
  readonly #file: BookFile;
  readonly #networks: Map<string, NetworkFacts>;
  /** The write under way; the next one waits for it. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: BookFile, networks: Map<string, NetworkFacts>) {
    this.#file = file;
    this.#networks = networks;
  }

  /** Throws STATE_CORRUPT for a file of somebody else's. */
  static async open(file: BookFile): Promise<NetworkBook> {
    const text = await file.read();
    return new NetworkBook(file, text === undefined ? new Map() : parse(text));
  }

  get(networkId: string): NetworkFacts | undefined {
    return this.#networks.get(networkId);
  }

  async put(networkId: string, facts: NetworkFacts): Promise<void> {
    if (this.#networks.size >= NETWORKS_MAX && !this.#networks.has(networkId)) {
      throw new P6nError('LIMIT_REACHED', `Cannot create the network: there are ${NETWORKS_MAX}`, {
        hint: 'Remove one that is not needed: `docker network prune`.',
      });
    }
    await this.#replace(networkId, facts);
  }

  async remove(networkId: string): Promise<void> {
    if (this.#networks.has(networkId)) await this.#replace(networkId, undefined);
  }

  /** Where it cannot be kept, all is as before, and Docker asks again. */
  async #replace(networkId: string, facts: NetworkFacts | undefined): Promise<void> {
    const before = this.#networks.get(networkId);
    this.#hold(networkId, facts);
    try {
      await this.#save();
    } catch (error) {
      this.#hold(networkId, before);
      throw error;
    }
  }

  #hold(networkId: string, facts: NetworkFacts | undefined): void {
    if (facts === undefined) this.#networks.delete(networkId);
    else this.#networks.set(networkId, facts);
  }

  async #save(): Promise<void> {
    const write = (): Promise<void> => {
      const networks = Object.fromEntries(this.#networks);
      return this.#file.write(`${JSON.stringify(networks, undefined, 2)}\n`);
    };
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }
}

function parse(text: string): Map<string, NetworkFacts> {
  try {
    const value = JSON.parse(text) as Readonly<Record<string, NetworkFacts>>;
    const networks = Object.entries(value);
    if (networks.every(([, facts]) => typeof facts.app === 'string')) return new Map(networks);
  } catch {
    // Said below.
  }
  throw new P6nError('STATE_CORRUPT', "Cannot read the networks of Docker: it is not p6nd's file", {
    hint: 'Remove docker-networks.json of the state folder and make the networks again.',
  });
}
