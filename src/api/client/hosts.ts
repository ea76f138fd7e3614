// Calls about the hosts of the site and the invites to it.

import type { HostFilter, HostList, HostView, Rehoming } from '../contract/hosts.ts';
import type { CreateInvite, InviteCreated, InviteList } from '../contract/invites.ts';
import { Calls } from './connection.ts';
import { flag, path, withQuery } from './paths.ts';

export class HostCalls extends Calls {
  list(filter: HostFilter = {}): Promise<HostList> {
    return this.api.get(withQuery('/v1/hosts', { ...filter }));
  }

  get(name: string): Promise<HostView> {
    return this.api.get(path('/v1/hosts', name));
  }

  drain(name: string, isDrained: boolean): Promise<HostView> {
    return this.api.post(
      `${path('/v1/hosts', name)}/${isDrained ? 'drain' : 'undrain'}`,
      undefined,
    );
  }

  rehome(name: string): Promise<Rehoming> {
    return this.api.post(`${path('/v1/hosts', name)}/rehome`, undefined);
  }

  remove(name: string, options: { readonly force: boolean }): Promise<void> {
    return this.api.delete(withQuery(path('/v1/hosts', name), { force: flag(options.force) }));
  }
}

export class InviteCalls extends Calls {
  list(): Promise<InviteList> {
    return this.api.get('/v1/invites');
  }

  create(body: CreateInvite): Promise<InviteCreated> {
    return this.api.post('/v1/invites', body);
  }

  revoke(number: number): Promise<void> {
    return this.api.delete(path('/v1/invites', String(number)));
  }
}
