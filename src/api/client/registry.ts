// Calls about the registry as a whole.

import type {
  AcceptRegistry,
  ExportRegistry,
  ImportRegistry,
  RegistryExported,
  RegistryView,
} from '../contract/registry.ts';
import { Calls } from './connection.ts';

/** Longest wait for a whole registry, milliseconds. */
const REGISTRY_TIMEOUT_MS = 600_000;

export class RegistryCalls extends Calls {
  show(): Promise<RegistryView> {
    return this.api.get('/v1/registry');
  }

  export(body: ExportRegistry): Promise<RegistryExported> {
    return this.api.post('/v1/registry/export', body, REGISTRY_TIMEOUT_MS);
  }

  import(body: ImportRegistry): Promise<RegistryView> {
    return this.api.post('/v1/registry/import', body, REGISTRY_TIMEOUT_MS);
  }

  accept(body: AcceptRegistry): Promise<RegistryView> {
    return this.api.post('/v1/registry/accept', body, REGISTRY_TIMEOUT_MS);
  }
}
