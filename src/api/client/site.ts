// Calls about the site, its settings and its key.

import type { SiteKeyRotated, SiteUpdate, SiteView } from '../contract/site.ts';
import { Calls } from './connection.ts';

/** Every host of the site has a part in it. */
const ROTATION_TIMEOUT_MS = 120_000;

export class SiteCalls extends Calls {
  get(): Promise<SiteView> {
    return this.api.get('/v1/site');
  }

  update(update: SiteUpdate): Promise<SiteView> {
    return this.api.call('PATCH', '/v1/site', { body: update });
  }

  rotateKey(): Promise<SiteKeyRotated> {
    return this.api.post('/v1/site/rotate', undefined, ROTATION_TIMEOUT_MS);
  }
}
