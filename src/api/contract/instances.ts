// Instances: a command in a network namespace that p6nd made (run), or a namespace of somebody
// else's (attach). Everything but listing and showing happens on the instance's own host.

import { Type } from 'typebox';
import { CLUSTER_SIZE_MAX } from '../../addressing/cluster.ts';
import type { InstanceCheck, InstanceHealth, InstanceService } from '../../registry/model.ts';
import { CHECKS, SERVICES } from './declared.ts';
import { METADATA } from './metadata.ts';
import { STOP_GRACE_MAX_MS } from './protocol.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** A command has at most this many words. */
export const COMMAND_WORDS_MAX = 1_024;
export const ENVIRONMENT_PAIRS_MAX = 512;
export const RESTARTS_MAX = 1_000_000;
export const COMMAND_WORD_LENGTH_MAX = 32_768;
/** PATH_MAX of Linux less the final zero. */
export const PATH_LENGTH_MAX = 4_095;
/** IFNAMSIZ of Linux less the final zero, of characters that need no escape anywhere. */
const INTERFACE_PATTERN = '^(?!\\.{1,2}$)[A-Za-z0-9_.-]{1,15}$';

export type InstanceViewState = 'created' | 'started' | 'stopped';

/** What only the instance's own host knows of it. */
export interface InstanceHere {
  /** Run by p6nd, or attached to a namespace that somebody else made. */
  readonly origin: 'run' | 'attached';
  readonly command: readonly string[];
  /** Path of its network namespace while it has one. */
  readonly namespace?: string;
  /** Who has attached it and will take it away again. */
  readonly owner?: string;
  /** Of the command while it runs. */
  readonly pid?: number;
  /** How often the command was started again; absent for never. */
  readonly restarts?: number;
  /** How the command ended; absent while it runs and when a signal ended it. */
  readonly exit_code?: number;
  readonly exit_signal?: string;
  /** Why the last try to bring it into its state failed. */
  readonly problem?: string;
  /** Whether a server has this state on record. */
  readonly published: boolean;
}

export interface InstanceView {
  /** 14 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly app: string;
  /** The network's name. */
  readonly network: string;
  readonly network_id: number;
  /** The host's name. */
  readonly host: string;
  readonly host_id: number;
  readonly region: string;
  readonly group: string;
  readonly address: string;
  readonly state: InstanceViewState;
  readonly metadata: Readonly<Record<string, string>>;
  readonly services?: readonly InstanceService[];
  readonly checks?: readonly InstanceCheck[];
  /** Of a started instance with checks, once they have been run. */
  readonly health?: InstanceHealth;
  /** Milliseconds since 1970. */
  readonly created_at: number;
  /** Milliseconds since 1970. */
  readonly updated_at: number;
  /** On the instance's own host only. */
  readonly here?: InstanceHere;
}

export interface InstanceList {
  readonly instances: readonly InstanceView[];
  /** Why only instances of this host are listed, when others should be. */
  readonly incomplete?: string;
}

/** What all ways to make an instance share. */
export interface InstanceFacts {
  readonly app: string;
  /** Unique on its host; drawn where absent. */
  readonly name?: string;
  /** Process group; `app` where absent. */
  readonly group?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** What it serves, for SRV names and checks. */
  readonly services?: readonly InstanceService[];
  readonly checks?: readonly InstanceCheck[];
}

export interface RunInstance extends InstanceFacts {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Absolute; `/` where absent. */
  readonly working_directory?: string;
  /** Beside what p6n says; may hold secrets, and is told to nobody but the command. */
  readonly environment?: Readonly<Record<string, string>>;
  /** `USER` or `USER:GROUP` of the host; root where absent. */
  readonly user?: string;
  /** Never where absent. */
  readonly restart?: RestartRequest;
}

/** Instances that start all or none, each with its rank and the addresses of all. */
export interface RunCluster extends RunInstance {
  readonly size: number;
}

/** When a command that has ended by itself is started again, ever more rarely. */
export interface RestartRequest {
  readonly when: 'on-failure' | 'always';
  /** So many times in a row at the most. */
  readonly max?: number;
}

/** What a program of root's on the host needs, to be in an instance as its command is. */
export interface InstanceSurroundings {
  /** Path of the network namespace. */
  readonly namespace: string;
  /** Path of the mount namespace; absent for an attached instance. */
  readonly mounts?: string;
  /** With what it was given, secrets among it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly working_directory: string;
  readonly user_id?: number;
  readonly group_id?: number;
  /** The user's, besides `group_id`; absent for none. */
  readonly groups?: readonly number[];
}

/** Exactly one of `netns` and `pid` says which namespace, unless there is a `handover`. */
export interface AttachInstance extends InstanceFacts {
  /** Absolute path of a network namespace. */
  readonly netns?: string;
  /** A process of the namespace. */
  readonly pid?: number;
  /**
   * Name under which the interface is made in p6nd's own namespace, for the caller to move it to
   * `netns`, which may be told by attaching once more.
   */
  readonly handover?: string;
  /** Name of the interface in it; `p6n0` where absent. */
  readonly interface?: string;
  /**
   * Who attaches, in words of its own. An owner has one instance: attaching again answers with that
   * one, or with another in its place when app or namespace differ. It goes with its namespace.
   */
  readonly owner?: string;
}

export interface InstanceFilter {
  readonly app?: string;
  readonly network?: string;
  readonly host?: string;
  /** `1` for the instances of this host alone. */
  readonly here?: '1';
}

export interface StopInstance {
  /** How long the command may take to end before it is ended by force, milliseconds. */
  readonly grace_ms?: number;
}

const here = strictObject({
  origin: Type.Union([Type.Literal('run'), Type.Literal('attached')]),
  command: Type.Array(Type.String()),
  namespace: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String()),
  pid: Type.Optional(Type.Integer()),
  restarts: Type.Optional(Type.Integer()),
  exit_code: Type.Optional(Type.Integer()),
  exit_signal: Type.Optional(Type.String()),
  problem: Type.Optional(Type.String()),
  published: Type.Boolean(),
});

const instance = strictObject({
  id: Type.String(),
  name: Type.String(),
  app: Type.String(),
  network: Type.String(),
  network_id: Type.Integer(),
  host: Type.String(),
  host_id: Type.Integer(),
  region: Type.String(),
  group: Type.String(),
  address: Type.String(),
  state: Type.Union([Type.Literal('created'), Type.Literal('started'), Type.Literal('stopped')]),
  metadata: Type.Record(Type.String(), Type.String()),
  services: Type.Optional(SERVICES),
  checks: Type.Optional(CHECKS),
  health: Type.Optional(Type.Union([Type.Literal('passing'), Type.Literal('failing')])),
  created_at: Type.Number(),
  updated_at: Type.Number(),
  here: Type.Optional(here),
});

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

const path = Type.String({ pattern: '^/', maxLength: PATH_LENGTH_MAX });

const facts = {
  app: text,
  name: Type.Optional(text),
  group: Type.Optional(text),
  metadata: Type.Optional(METADATA),
  services: Type.Optional(SERVICES),
  checks: Type.Optional(CHECKS),
};

export const INSTANCE_VIEW: Contract<InstanceView> = contract<InstanceView>()(instance);

export const INSTANCE_LIST: Contract<InstanceList> = contract<InstanceList>()(
  strictObject({ instances: Type.Array(instance), incomplete: Type.Optional(Type.String()) }),
);

const run = {
  ...facts,
  command: Type.Array(Type.String({ maxLength: COMMAND_WORD_LENGTH_MAX }), {
    minItems: 1,
    maxItems: COMMAND_WORDS_MAX,
  }),
  working_directory: Type.Optional(path),
  environment: Type.Optional(
    Type.Record(Type.String(), Type.String(), { maxProperties: ENVIRONMENT_PAIRS_MAX }),
  ),
  user: Type.Optional(Type.String({ minLength: 1, maxLength: TEXT_LENGTH_MAX })),
  restart: Type.Optional(
    strictObject({
      when: Type.Union([Type.Literal('on-failure'), Type.Literal('always')]),
      max: Type.Optional(Type.Integer({ minimum: 1, maximum: RESTARTS_MAX })),
    }),
  ),
};

export const RUN_INSTANCE: Contract<RunInstance> = contract<RunInstance>()(strictObject(run));

export const RUN_CLUSTER: Contract<RunCluster> = contract<RunCluster>()(
  strictObject({ ...run, size: Type.Integer({ minimum: 1, maximum: CLUSTER_SIZE_MAX }) }),
);

export const INSTANCE_SURROUNDINGS: Contract<InstanceSurroundings> =
  contract<InstanceSurroundings>()(
    strictObject({
      namespace: Type.String(),
      mounts: Type.Optional(Type.String()),
      environment: Type.Record(Type.String(), Type.String()),
      working_directory: Type.String(),
      user_id: Type.Optional(Type.Integer()),
      group_id: Type.Optional(Type.Integer()),
      groups: Type.Optional(Type.Array(Type.Integer())),
    }),
  );

export const ATTACH_INSTANCE: Contract<AttachInstance> = contract<AttachInstance>()(
  strictObject({
    ...facts,
    netns: Type.Optional(path),
    pid: Type.Optional(Type.Integer({ minimum: 1 })),
    handover: Type.Optional(Type.String({ pattern: INTERFACE_PATTERN })),
    interface: Type.Optional(Type.String({ pattern: INTERFACE_PATTERN })),
    owner: Type.Optional(Type.String({ minLength: 1, maxLength: TEXT_LENGTH_MAX })),
  }),
);

export const INSTANCE_FILTER: Contract<InstanceFilter> = contract<InstanceFilter>()(
  strictObject({
    app: Type.Optional(text),
    network: Type.Optional(text),
    host: Type.Optional(text),
    here: Type.Optional(Type.Literal('1')),
  }),
);

export const STOP_INSTANCE: Contract<StopInstance> = contract<StopInstance>()(
  strictObject({
    grace_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: STOP_GRACE_MAX_MS })),
  }),
);
