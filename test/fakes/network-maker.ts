// A process that makes networks and removes most of them again, on any server that answers, and
// says what was acknowledged: a line of JSON each.
//
//   node network-maker.js NAME COUNT SOCKET...

import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient } from '../../src/api/client.ts';
import { P6nError } from '../../src/base/errors.ts';

const PAUSE_MS = 40;
/** One in so many stays. */
const KEPT_EVERY = 8;

const [name = '', count = '0', ...sockets] = process.argv.slice(2);
const clients = sockets.map((path) => new ApiClient({ target: { kind: 'socket', path } }));

for (let made = 0; made < Number(count); made++) {
  const network = `${name}-${made}`;
  const { id } = await again(async (client) => {
    try {
      return await client.networks.create({ name: network });
    } catch (error) {
      // The answer to an earlier try was lost.
      if (codeOf(error) === 'NAME_TAKEN') return await client.networks.get({ name: network });
      throw error;
    }
  });
  say({ made: network, id });
  if (made % KEPT_EVERY === 0) continue;
  await again((client) =>
    client.networks.remove({ name: network }).catch((error: unknown) => {
      if (codeOf(error) !== 'NOT_FOUND') throw error;
    }),
  );
  say({ removed: network, id });
}

/** Asks one server after the other until one does it. */
async function again<T>(run: (client: ApiClient) => Promise<T>): Promise<T> {
  for (let turn = Math.floor(Math.random() * clients.length); ; turn++) {
    try {
      return await run(clients[turn % clients.length] as ApiClient);
    } catch (error) {
      const code = codeOf(error);
      const passes = error instanceof P6nError && error.fault === 'environment';
      if (!passes && code !== 'CHANGED_MEANWHILE') throw error;
      await delay(PAUSE_MS);
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof P6nError ? error.code : undefined;
}

function say(fact: object): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}
