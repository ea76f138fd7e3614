// Calls about organizations and their networks.

import type { NetworkReference } from '../../registry/networks.ts';
import type {
  CreateNetwork,
  NetworkFilter,
  NetworkList,
  NetworkView,
} from '../contract/networks.ts';
import type {
  CreateOrganization,
  OrganizationList,
  OrganizationView,
} from '../contract/organizations.ts';
import { Calls } from './connection.ts';
import { path, withQuery } from './paths.ts';

export class OrganizationCalls extends Calls {
  list(): Promise<OrganizationList> {
    return this.api.get('/v1/organizations');
  }

  create(body: CreateOrganization): Promise<OrganizationView> {
    return this.api.post('/v1/organizations', body);
  }
}

export class NetworkCalls extends Calls {
  list(filter: NetworkFilter = {}): Promise<NetworkList> {
    return this.api.get(withQuery('/v1/networks', { ...filter }));
  }

  create(body: CreateNetwork): Promise<NetworkView> {
    return this.api.post('/v1/networks', body);
  }

  get(reference: NetworkReference): Promise<NetworkView> {
    return this.api.get(networkPath(reference));
  }

  remove(reference: NetworkReference): Promise<void> {
    return this.api.delete(networkPath(reference));
  }
}

function networkPath(reference: NetworkReference): string {
  const { name, organization } = reference;
  return withQuery(path('/v1/networks', name), { organization });
}
