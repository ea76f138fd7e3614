// What the name server would answer to an instance of a network of this host: the server's own
// answer to the question that the instance would send.

import type { NetworkId } from '../addressing/ids.ts';
import type { LocalInstance } from '../agent/ports.ts';
import type { NameAnswer, NameQuestion } from '../api/contract/names.ts';
import type { NameService } from '../api/services.ts';
import { P6nError } from '../base/errors.ts';
import {
  RECORD_TYPE_NUMBERS,
  type ReplyLines,
  readReplyLines,
  writeQuestion,
} from '../dns/inquiry.ts';
import type { Nameserver } from '../nameserver/nameserver.ts';
import type { Principal } from '../registry/authority.ts';
import type { Network } from '../registry/model.ts';
import { fittingNetworks } from './network-choice.ts';

/** The handler whose names are not ours: they change without a word to us. */
const FORWARDING = 'forwarding';

export interface NameServiceDependencies {
  readonly nameserver: Pick<Nameserver, 'lookup' | 'onZone'>;
  /** The instances of this host. */
  readonly instances: () => readonly LocalInstance[];
  /** Those that it follows: also of its WireGuard peers, and of operators that visit one. */
  readonly networks: () => Iterable<Pick<Network, 'id' | 'name'>>;
}

interface Asked {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly type: string;
  readonly network: { readonly id: NetworkId; readonly name: string };
}

export class LocalNameService implements NameService {
  readonly #dependencies: NameServiceDependencies;

  constructor(dependencies: NameServiceDependencies) {
    this.#dependencies = dependencies;
  }

  async lookup(_: Principal, question: NameQuestion): Promise<NameAnswer> {
    return await this.#answer(this.#read(question));
  }

  async *watch(
    _: Principal,
    question: NameQuestion,
    signal: AbortSignal,
  ): AsyncIterable<NameAnswer> {
    const asked = this.#read(question);
    let wake: () => void = () => undefined;
    let isDue = true;
    const notify = (): void => {
      isDue = true;
      wake();
    };
    const end = this.#dependencies.nameserver.onZone(notify);
    signal.addEventListener('abort', notify, { once: true });
    let last: string | undefined;
    try {
      while (!signal.aborted) {
        if (!isDue) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        isDue = false;
        const answer = await this.#answer(asked);
        if (answer.handler === FORWARDING) throw notWatched(asked);
        const facts = factsOf(answer);
        if (facts !== last) yield answer;
        last = facts;
      }
    } finally {
      end();
      signal.removeEventListener('abort', notify);
    }
  }

  #read({ name, type = 'AAAA', network }: NameQuestion): Asked {
    const number = RECORD_TYPE_NUMBERS[type.toUpperCase()];
    if (number === undefined || !Object.hasOwn(RECORD_TYPE_NUMBERS, type.toUpperCase())) {
      const known = Object.keys(RECORD_TYPE_NUMBERS).join(', ');
      throw new P6nError('VALUE_INVALID', `Cannot look up type "${type}": it is none of ${known}`);
    }
    const bytes = writeQuestion(name, number);
    if (bytes === undefined) {
      throw new P6nError('VALUE_INVALID', `Cannot look up "${name}": it is no name of DNS`);
    }
    return { bytes, name, type: type.toUpperCase(), network: this.#findNetwork(network) };
  }

  /** The network that is meant among those with something here, which alone have a table. */
  #findNetwork(wanted: string | undefined): Asked['network'] {
    const { networks: followed } = this.#dependencies;
    const networks = new Map([...followed()].map(({ id, name }) => [id, name]));
    for (const { instance, networkName } of this.#dependencies.instances()) {
      networks.set(instance.network, networkName);
    }
    const fits =
      wanted === undefined
        ? [...networks].map(([id, name]) => ({ id, name }))
        : fittingNetworks(networks, wanted);
    const [only] = fits;
    if (only !== undefined && fits.length === 1) return only;
    if (only === undefined) {
      const which = wanted === undefined ? 'a network' : `network "${wanted}"`;
      throw new P6nError('NOT_FOUND', `Cannot look up for ${which}: nothing here is of it`, {
        hint: 'A host knows the names of those networks that its instances and laptops are in.',
      });
    }
    const ids = fits.map(({ id, name }) => `${name} (${id})`).join(', ');
    throw new P6nError('VALUE_INVALID', `Cannot look up: it may be for ${ids}`, {
      hint: 'Name the network with --network, by its id where names are alike.',
    });
  }

  async #answer({ bytes, name, type, network }: Asked): Promise<NameAnswer> {
    const { handler, response } = await this.#dependencies.nameserver.lookup(bytes, network.id);
    const lines = response === undefined ? undefined : readReplyLines(response);
    const { outcome, records }: ReplyLines = lines ?? { outcome: 'SERVFAIL', records: [] };
    return {
      name,
      type,
      network: network.name,
      network_id: network.id,
      outcome,
      handler: handler?.name ?? 'guard',
      why: sentence(handler?.summary, outcome, records.length),
      records,
    };
  }
}

function sentence(summary: string | undefined, outcome: string, count: number): string {
  const about = summary === undefined ? '' : ` (${summary})`;
  switch (outcome) {
    case 'NOERROR':
      return count > 0
        ? `The name exists${about}.`
        : `The name exists${about} and has no record of this type.`;
    case 'NXDOMAIN':
      return 'The name does not exist for this network.';
    case 'SERVFAIL':
      return `Nobody knows at the moment${about}.`;
    default:
      return `The question is not answered${about}.`;
  }
}

/** What makes an answer another one: the order of its records does not. */
function factsOf({ outcome, records }: NameAnswer): string {
  return JSON.stringify([outcome, records.map(({ type, data }) => `${type} ${data}`).sort()]);
}

function notWatched({ name }: Asked): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot watch "${name}": it is a name of others`, {
    hint: 'Only names that this host answers itself are watched, such as those under .internal.',
  });
}
