// Apps: each has one network for life and a name that is unique on the site.

import type { App, Network } from './model.ts';

export interface NewApp {
  readonly name: string;
  /** Made when it does not exist; `default` where none is named. */
  readonly network?: string | undefined;
  readonly organization?: string | undefined;
}

export interface AppOnNetwork {
  readonly app: App;
  readonly network: Network;
}

export interface CreatedApp extends AppOnNetwork {
  readonly networkCreated: boolean;
}

export interface AppFilter {
  readonly organization?: string | undefined;
}
