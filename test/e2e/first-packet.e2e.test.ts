// A new host and three older ones: its first packets reach each of them at once, although they
// learn of it only by the feed, because a device remembers who has knocked.

import { describe, test } from 'node:test';
import { Site, type SiteHost, SKIP_REASON, until } from './site.ts';

describe('a new host', { skip: SKIP_REASON, timeout: 300_000 }, () => {
  test('reaches three older hosts at once', async (context) => {
    const site = await Site.running(3, context);
    const older = [...site.hosts] as SiteHost[];
    const fourth = await site.addHost('four');
    const addresses = await Promise.all(
      older.map(async (host) => (await host.client.host.status()).host.address as string),
    );
    const server = older[0] as SiteHost;
    const enrolled = until('the server knows the new host', async () => {
      return (await server.client.hosts.list()).hosts.length === older.length + 1;
    }).then(() => performance.now());
    const joined = fourth.join(server);
    const took = await Promise.all(
      addresses.map(async (address) => {
        const start = await enrolled;
        await until(`a reply of ${address}`, () => isAnswered(fourth, address));
        return Math.round(performance.now() - start);
      }),
    );
    await joined;
    context.diagnostic(`first replies ${took.map((ms) => `${ms} ms`).join(', ')} after enrolment`);
  });
});

async function isAnswered(host: SiteHost, address: string): Promise<boolean> {
  return (await host.exec('ping', '-6', '-n', '-c', '1', '-W', '1', address)).code === 0;
}
