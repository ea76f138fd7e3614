// Calls about apps, which own instances on one network.

import type { AppCreated, AppFilter, AppList, AppView, CreateApp } from '../contract/apps.ts';
import { Calls } from './connection.ts';
import { flag, path, withQuery } from './paths.ts';

export class AppCalls extends Calls {
  list(filter: AppFilter = {}): Promise<AppList> {
    return this.api.get(withQuery('/v1/apps', { ...filter }));
  }

  create(body: CreateApp): Promise<AppCreated> {
    return this.api.post('/v1/apps', body);
  }

  get(name: string): Promise<AppView> {
    return this.api.get(path('/v1/apps', name));
  }

  remove(name: string, options: { readonly force: boolean }): Promise<void> {
    return this.api.delete(withQuery(path('/v1/apps', name), { force: flag(options.force) }));
  }
}
