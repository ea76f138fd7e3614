// What the operators of a site may set of it as a whole. It stands in the site's record.

import { encodeRecord } from './codec.ts';
import { SITE } from './keys.ts';
import type { Site } from './model.ts';
import { requireSite } from './site.ts';
import { change, type RegistryContext } from './transaction.ts';

/** What is absent stays. */
export interface SiteUpdate {
  readonly hostOperatorsWrite?: boolean | undefined;
}

/** The settings of one registry; every method rejects as those of Registry do. */
export class SiteSettings {
  readonly #context: RegistryContext;

  constructor(context: RegistryContext) {
    this.#context = context;
  }

  /** Rejects with NOT_FOUND in a registry without a site. */
  get(): Promise<Site> {
    return change(this.#context, 'find the site', requireSite);
  }

  /** What is the same already is not written. NOT_FOUND. */
  update({ hostOperatorsWrite }: SiteUpdate): Promise<Site> {
    return change(this.#context, 'change the settings of the site', async (transaction) => {
      const site = await requireSite(transaction);
      if (hostOperatorsWrite === undefined || hostOperatorsWrite === site.hostOperatorsWrite) {
        return site;
      }
      const updated: Site = { ...site, hostOperatorsWrite };
      transaction.put(SITE, encodeRecord(updated));
      return updated;
    });
  }
}
