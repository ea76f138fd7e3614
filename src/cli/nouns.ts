// The commands of p6nctl by their nouns. A noun's files are loaded only when it is asked for, so
// that p6nctl starts quickly however many there are.

import type { Command } from './command.ts';

export interface Noun {
  readonly name: string;
  readonly summary: string;
  /** A noun that is a command itself has one, whose usage is the noun. */
  readonly load: () => Promise<readonly Command[]>;
}

export const NOUNS: readonly Noun[] = [
  { name: 'organizations', summary: 'Owners of networks and apps', load: organizations },
  { name: 'networks', summary: 'Networks, each apart from all others', load: networks },
  { name: 'apps', summary: 'Apps, each in one network', load: apps },
  { name: 'hosts', summary: 'Hosts of the site, and invites for more', load: hosts },
  { name: 'host', summary: 'This host as a whole', load: host },
  { name: 'site', summary: 'The site, its settings and its signing key', load: site },
  { name: 'registry', summary: 'The truth of the site: saved, moved, restored', load: registry },
  { name: 'tokens', summary: 'Tokens of the API for other programs', load: tokens },
  { name: 'instances', summary: 'Instances of apps', load: instances },
  { name: 'wireguard', summary: 'Laptops in networks, by WireGuard', load: wireguard },
  { name: 'cni', summary: 'Networks for podman, containerd, CRI-O and Kubernetes', load: cni },
  { name: 'dns', summary: 'What instances get for names', load: names },
  {
    name: 'proxy',
    summary: "Make a port of an app's instances a port of this machine",
    load: async () => [(await import('./commands/proxy/proxy.ts')).PROXY],
  },
  {
    name: 'ping',
    summary: 'Measure the round trip to an instance or a laptop',
    load: async () => [(await import('./commands/proxy/ping.ts')).PING],
  },
  {
    name: 'events',
    summary: 'What changes in the registry, and who has changed what',
    load: async () => [(await import('./commands/events/events.ts')).EVENTS],
  },
  {
    name: 'capture',
    summary: 'Capture packets of a network or an instance, with the verdicts of the filter',
    load: async () => [(await import('./commands/diagnosis/capture.ts')).CAPTURE],
  },
  {
    name: 'completion',
    summary: 'Completion of these words in bash, zsh and fish',
    load: async () => [(await import('./commands/completion/completion.ts')).COMPLETION],
  },
  {
    name: 'debug',
    summary: 'What others need to find what is wrong with this host',
    load: async () => [(await import('./commands/debug/bundle.ts')).BUNDLE],
  },
  {
    name: 'doctor',
    summary: 'Find what is wrong with this host, and what to do about it',
    load: async () => [(await import('./commands/diagnosis/doctor.ts')).DOCTOR],
  },
  {
    name: 'explain',
    summary: 'Say which rule a packet would meet on this host, and why',
    load: async () => [(await import('./commands/diagnosis/explain.ts')).EXPLAIN],
  },
  {
    name: 'status',
    summary: 'Show this host, its peers and instances, and what was dropped',
    load: async () => [(await import('./commands/diagnosis/status.ts')).STATUS],
  },
];

async function organizations(): Promise<readonly Command[]> {
  const [create, list] = await Promise.all([
    import('./commands/organizations/create.ts'),
    import('./commands/organizations/list.ts'),
  ]);
  return [create.CREATE_ORGANIZATION, list.LIST_ORGANIZATIONS];
}

async function networks(): Promise<readonly Command[]> {
  const [create, list, show, remove] = await Promise.all([
    import('./commands/networks/create.ts'),
    import('./commands/networks/list.ts'),
    import('./commands/networks/show.ts'),
    import('./commands/networks/remove.ts'),
  ]);
  return [create.CREATE_NETWORK, list.LIST_NETWORKS, show.SHOW_NETWORK, remove.REMOVE_NETWORK];
}

async function apps(): Promise<readonly Command[]> {
  const [create, list, show, remove] = await Promise.all([
    import('./commands/apps/create.ts'),
    import('./commands/apps/list.ts'),
    import('./commands/apps/show.ts'),
    import('./commands/apps/remove.ts'),
  ]);
  return [create.CREATE_APP, list.LIST_APPS, show.SHOW_APP, remove.REMOVE_APP];
}

async function hosts(): Promise<readonly Command[]> {
  const [list, show, remove, drain, rotate, invite, invites, revoke] = await Promise.all([
    import('./commands/hosts/list.ts'),
    import('./commands/hosts/show.ts'),
    import('./commands/hosts/remove.ts'),
    import('./commands/hosts/drain.ts'),
    import('./commands/hosts/rotate-key.ts'),
    import('./commands/hosts/invite.ts'),
    import('./commands/invites/list.ts'),
    import('./commands/invites/revoke.ts'),
  ]);
  return [
    list.LIST_HOSTS,
    show.SHOW_HOST,
    remove.REMOVE_HOST,
    drain.DRAIN_HOST,
    drain.UNDRAIN_HOST,
    rotate.ROTATE_HOST_KEY,
    invite.INVITE_HOST,
    invites.LIST_INVITES,
    revoke.REVOKE_INVITE,
  ];
}

async function host(): Promise<readonly Command[]> {
  return [(await import('./commands/host/reset.ts')).RESET_HOST];
}

async function site(): Promise<readonly Command[]> {
  const [show, set, rotate] = await Promise.all([
    import('./commands/site/show.ts'),
    import('./commands/site/set.ts'),
    import('./commands/site/rotate.ts'),
  ]);
  return [show.SHOW_SITE, set.SET_SITE, rotate.ROTATE_SITE_KEY];
}

async function registry(): Promise<readonly Command[]> {
  const [show, save, load, accept] = await Promise.all([
    import('./commands/registry/show.ts'),
    import('./commands/registry/export.ts'),
    import('./commands/registry/import.ts'),
    import('./commands/registry/accept.ts'),
  ]);
  return [show.SHOW_REGISTRY, save.EXPORT_REGISTRY, load.IMPORT_REGISTRY, accept.ACCEPT_REGISTRY];
}

async function instances(): Promise<readonly Command[]> {
  const [run, attach, list, show, logs, exec, stop, start, metadata, remove] = await Promise.all([
    import('./commands/instances/run.ts'),
    import('./commands/instances/attach.ts'),
    import('./commands/instances/list.ts'),
    import('./commands/instances/show.ts'),
    import('./commands/instances/logs.ts'),
    import('./commands/instances/exec.ts'),
    import('./commands/instances/stop.ts'),
    import('./commands/instances/start.ts'),
    import('./commands/instances/metadata.ts'),
    import('./commands/instances/remove.ts'),
  ]);
  return [
    run.RUN_INSTANCE,
    attach.ATTACH_INSTANCE,
    list.LIST_INSTANCES,
    show.SHOW_INSTANCE,
    logs.INSTANCE_LOGS,
    exec.EXEC_INSTANCE,
    stop.STOP_INSTANCE,
    start.START_INSTANCE,
    metadata.SET_METADATA,
    metadata.UNSET_METADATA,
    metadata.LIST_METADATA,
    remove.REMOVE_INSTANCE,
  ];
}

async function tokens(): Promise<readonly Command[]> {
  const [create, narrow, list, revoke] = await Promise.all([
    import('./commands/tokens/create.ts'),
    import('./commands/tokens/narrow.ts'),
    import('./commands/tokens/list.ts'),
    import('./commands/tokens/revoke.ts'),
  ]);
  return [create.CREATE_TOKEN, narrow.NARROW_TOKEN, list.LIST_TOKENS, revoke.REVOKE_TOKEN];
}

async function wireguard(): Promise<readonly Command[]> {
  const [create, list, show, remove] = await Promise.all([
    import('./commands/wireguard/create.ts'),
    import('./commands/wireguard/list.ts'),
    import('./commands/wireguard/show.ts'),
    import('./commands/wireguard/remove.ts'),
  ]);
  return [create.CREATE_PEER, list.LIST_PEERS, show.SHOW_PEER, remove.REMOVE_PEER];
}

async function cni(): Promise<readonly Command[]> {
  return [(await import('./commands/cni/install.ts')).INSTALL_CNI];
}

async function names(): Promise<readonly Command[]> {
  const [lookup, watch] = await Promise.all([
    import('./commands/dns/lookup.ts'),
    import('./commands/dns/watch.ts'),
  ]);
  return [lookup.LOOKUP, watch.WATCH];
}
