// Hosts: each has an id that is counted up and never given out again, a unique name, and a secret
// that proves its p6nd, of which the registry knows the hash.

/** A host by its id or its name. */
export type HostReference = number | string;

/** What a host may change of its own record; what is absent stays. */
export interface HostUpdate {
  readonly endpoints?: readonly string[] | undefined;
  readonly region?: string | undefined;
}
