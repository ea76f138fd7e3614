// Connections outlive p6nd: interfaces, addresses and instances stay when it is killed or ended,
// and the next one goes on with them at once.

import { describe, test } from 'node:test';
import { restartEither } from './restart-scene.ts';
import { Site, type SiteHost, SKIP_REASON } from './site.ts';

describe('open connections', { skip: SKIP_REASON, timeout: 120_000 }, () => {
  test('live through kill -9 and SIGTERM of either p6nd', async (context) => {
    const site = await Site.running(2, context);
    const hosts = site.hosts as [SiteHost, SiteHost];
    await restartEither({ hosts, folder: site.folder, flags: [] }, context);
  });
});
