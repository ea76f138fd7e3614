// The instances of this host as the API shows them: the agent's operations behind the API's words.

import type { HostId } from '../addressing/ids.ts';
import type {
  InstanceOperations,
  LocalInstance,
  NamespaceReference,
  RunRequest,
} from '../agent/ports.ts';
import type {
  AttachInstance,
  InstanceHere,
  InstanceSurroundings,
  InstanceView,
  RunCluster,
  RunInstance,
} from '../api/contract/instances.ts';
import type {
  InstanceService,
  MetadataChange,
  OutputEvent,
  OutputRequest,
} from '../api/services.ts';
import { P6nError } from '../base/errors.ts';
import type { Principal } from '../registry/authority.ts';
import { instanceView } from './views.ts';

/** This host. */
export interface LocalHost {
  readonly id: HostId;
  readonly name: string;
}

export class LocalInstanceService implements InstanceService {
  readonly #operations: InstanceOperations;
  readonly #host: LocalHost;

  constructor(operations: InstanceOperations, host: LocalHost) {
    this.#operations = operations;
    this.#host = host;
  }

  hostId(): HostId {
    return this.#host.id;
  }

  list(): Promise<readonly InstanceView[]> {
    return Promise.resolve(this.#operations.list().map((instance) => this.#view(instance)));
  }

  async show(_: Principal, reference: string): Promise<InstanceView> {
    return await Promise.resolve(this.#view(this.#operations.show(reference)));
  }

  async run(_: Principal, request: RunInstance): Promise<InstanceView> {
    return this.#view(await this.#operations.run(runRequest(request)));
  }

  async runCluster(
    _: Principal,
    { size, ...request }: RunCluster,
  ): Promise<readonly InstanceView[]> {
    const members = await this.#operations.runCluster(runRequest(request), size);
    return members.map((member) => this.#view(member));
  }

  async attach(_: Principal, request: AttachInstance): Promise<InstanceView> {
    const { netns, pid, interface: interfaceName, ...facts } = request;
    const namespace =
      request.handover !== undefined && netns === undefined
        ? undefined
        : namespaceReference(netns, pid);
    return this.#view(await this.#operations.attach({ ...facts, namespace, interfaceName }));
  }

  async start(_: Principal, reference: string): Promise<InstanceView> {
    return this.#view(await this.#operations.start(reference));
  }

  async stop(
    _: Principal,
    reference: string,
    options: { readonly graceMs: number | undefined },
  ): Promise<InstanceView> {
    return this.#view(await this.#operations.stop(reference, options));
  }

  remove(_: Principal, reference: string, options: { readonly force: boolean }): Promise<void> {
    return this.#operations.remove(reference, options);
  }

  async setMetadata(
    _: Principal,
    reference: string,
    change: MetadataChange,
  ): Promise<InstanceView> {
    return this.#view(await this.#operations.setMetadata(reference, change));
  }

  async surroundings(_: Principal, reference: string): Promise<InstanceSurroundings> {
    const { environment, mounts, namespace, runAs, workingDirectory } = await Promise.resolve(
      this.#operations.surroundings(reference),
    );
    return {
      namespace,
      environment,
      working_directory: workingDirectory,
      ...(mounts === undefined ? {} : { mounts }),
      ...(runAs === undefined ? {} : { user_id: runAs.uid, group_id: runAs.gid }),
      ...(runAs === undefined || runAs.groups.length === 0 ? {} : { groups: runAs.groups }),
    };
  }

  output(
    _: Principal,
    reference: string,
    request: OutputRequest,
    signal: AbortSignal,
  ): AsyncIterable<OutputEvent> {
    return this.#operations.output(reference, request, signal);
  }

  #view(local: LocalInstance): InstanceView {
    const view = instanceView(local.instance, local.networkName, this.#host.name);
    return { ...view, here: hereView(local) };
  }
}

function runRequest(request: RunInstance): RunRequest {
  const { working_directory: workingDirectory, environment, restart, user, ...facts } = request;
  const settings = {
    ...(environment === undefined ? {} : { environment }),
    ...(restart === undefined ? {} : { restart }),
    ...(user === undefined ? {} : { user }),
  };
  return { ...facts, workingDirectory, settings };
}

function namespaceReference(path: string | undefined, pid: number | undefined): NamespaceReference {
  if (path !== undefined && pid === undefined) return { path };
  if (pid !== undefined && path === undefined) return { pid };
  throw new P6nError('VALUE_INVALID', 'Cannot attach: exactly one of netns and pid is needed');
}

function hereView(local: LocalInstance): InstanceHere {
  const { exit } = local;
  return {
    origin: local.origin,
    command: local.command,
    published: local.published,
    ...(local.namespace === undefined ? {} : { namespace: local.namespace }),
    ...(local.owner === undefined ? {} : { owner: local.owner }),
    ...(local.pid === undefined ? {} : { pid: local.pid }),
    ...(local.restarts === 0 ? {} : { restarts: local.restarts }),
    ...(exit?.code === undefined ? {} : { exit_code: exit.code }),
    ...(exit?.signal === undefined ? {} : { exit_signal: exit.signal }),
    ...(local.problem === undefined ? {} : { problem: local.problem }),
  };
}
