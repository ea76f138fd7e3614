// Calls about instances: all of the site, and those of the host that is asked.

import type {
  AttachInstance,
  InstanceFilter,
  InstanceList,
  InstanceSurroundings,
  InstanceView,
  RunCluster,
  RunInstance,
} from '../contract/instances.ts';
import type { OutputLine } from '../contract/output.ts';
import { streamLines } from '../line-stream.ts';
import { Calls } from './connection.ts';
import { flag, path, withQuery } from './paths.ts';

/** Longest wait for an instance to start or attach, milliseconds. */
const START_TIMEOUT_MS = 60_000;

/** A stop waits for the command to end and then for the end by force, milliseconds. */
const STOP_MARGIN_MS = 60_000;

/** Longest wait for all members of a cluster, milliseconds. */
const CLUSTER_TIMEOUT_MS = 300_000;

export interface OutputOptions {
  readonly follow: boolean;
  readonly tailBytes?: number | undefined;
  readonly tailLines?: number | undefined;
}

export class InstanceCalls extends Calls {
  list(filter: InstanceFilter = {}): Promise<InstanceList> {
    return this.api.get(withQuery('/v1/instances', { ...filter }));
  }

  get(reference: string): Promise<InstanceView> {
    return this.api.get(path('/v1/instances', reference));
  }

  run(body: RunInstance): Promise<InstanceView> {
    return this.api.post('/v1/instances/run', body, START_TIMEOUT_MS);
  }

  /** All or none of them, in order of rank. */
  runCluster(body: RunCluster): Promise<InstanceList> {
    return this.api.post('/v1/instances/run-cluster', body, CLUSTER_TIMEOUT_MS);
  }

  attach(body: AttachInstance): Promise<InstanceView> {
    return this.api.post('/v1/instances/attach', body, START_TIMEOUT_MS);
  }

  start(reference: string): Promise<InstanceView> {
    return this.api.post(`${path('/v1/instances', reference)}/start`, undefined, START_TIMEOUT_MS);
  }

  stop(
    reference: string,
    options: { readonly graceMs?: number | undefined } = {},
  ): Promise<InstanceView> {
    const { graceMs } = options;
    const body = graceMs === undefined ? {} : { grace_ms: graceMs };
    const timeoutMs = STOP_MARGIN_MS + (graceMs ?? 0);
    return this.api.post(`${path('/v1/instances', reference)}/stop`, body, timeoutMs);
  }

  remove(reference: string, options: { readonly force: boolean }): Promise<void> {
    const query = { force: flag(options.force) };
    return this.api.delete(withQuery(path('/v1/instances', reference), query), STOP_MARGIN_MS);
  }

  /** What a process needs to be in an instance of this host as its command is. */
  surroundings(reference: string): Promise<InstanceSurroundings> {
    return this.api.get(`${path('/v1/instances', reference)}/surroundings`);
  }

  /** What the instance's command writes; ends with it, or at once without `follow`. */
  output(
    reference: string,
    options: OutputOptions,
    signal: AbortSignal,
  ): AsyncIterable<OutputLine> {
    const { follow, tailBytes, tailLines } = options;
    const query = {
      follow: flag(follow),
      tail_bytes: tailBytes?.toString(),
      tail_lines: tailLines?.toString(),
    };
    const target = withQuery(`${path('/v1/instances', reference)}/output`, query);
    return streamLines<OutputLine>(this.api.exchange('GET', target, { signal }));
  }
}
