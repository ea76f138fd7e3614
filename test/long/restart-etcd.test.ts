// Connections outlive p6nd also where its registry is in an etcd of three members.

import { describe, test } from 'node:test';
import { createEtcdSite } from '../e2e/etcd-site.ts';
import { restartEither } from '../e2e/restart-scene.ts';
import { SKIP_REASON } from '../e2e/site.ts';
import { ETCD_MISSING } from '../fakes/etcd.ts';

const skip = SKIP_REASON || (ETCD_MISSING ?? false);

describe('open connections of a site on etcd', { skip, timeout: 180_000 }, () => {
  test('live through kill -9 and SIGTERM of either p6nd', async (context) => {
    const { site, flags } = await createEtcdSite(context);
    const server = await site.addHost('one');
    await server.start('--region', 'ams', ...flags);
    const host = await site.addHost('two');
    await host.join(server, '--region', 'fra');
    await restartEither({ hosts: [server, host], folder: site.folder, flags }, context);
  });
});
