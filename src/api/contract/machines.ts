// Instances in the shapes of the Machines API, where they are called machines. What has no meaning
// here is left out: an image, a size, a nonce, events.

import { Type } from 'typebox';
import type { InstanceViewState } from './instances.ts';
import { METADATA_PAIRS_MAX, METADATA_VALUE_LENGTH_MAX } from './metadata.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** Where clients of the Machines API look for the process group; nobody else writes it. */
export const PROCESS_GROUP_KEY = 'fly_process_group';
/** Longest wait for a state, seconds. */
export const WAIT_TIMEOUT_MAX_S = 60;

export interface MachineService {
  readonly protocol: 'tcp' | 'udp';
  readonly internal_port: number;
}

/** `critical` is what the Machines API calls a check that fails. */
export interface MachineCheck {
  readonly name: string;
  readonly status: 'passing' | 'critical';
}

export interface MachineView {
  /** 14 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly state: InstanceViewState;
  readonly region: string;
  /** Of its version: a machine has one, so this is its id again. */
  readonly instance_id: string;
  readonly private_ip: string;
  /** As in RFC 3339. */
  readonly created_at: string;
  readonly updated_at: string;
  readonly config: {
    /** With the process group. */
    readonly metadata: Readonly<Record<string, string>>;
    readonly services: readonly MachineService[];
  };
  /** One for all checks, once they have been run. */
  readonly checks: readonly MachineCheck[];
  /** Whether servers hear of its host; the host that answers is well. */
  readonly host_status: 'ok' | 'unknown' | 'unreachable';
}

/** `region`, `state`, and `metadata.KEY` for each pair; the others are taken and change nothing. */
export type MachineFilter = Readonly<Record<string, string>>;

export interface MachineWait {
  /** `started` where absent. */
  readonly state?: 'started' | 'stopped' | 'suspended' | 'destroyed';
  /** Seconds, in decimal; the longest where absent. */
  readonly timeout?: string;
  /** Of the version that is meant. */
  readonly instance_id?: string;
}

export interface MachineWaited {
  readonly ok: true;
}

export type MachineMetadata = Readonly<Record<string, string>>;

export interface SetMetadata {
  readonly value: string;
}

const metadata = Type.Record(Type.String(), Type.String());

const machine = strictObject({
  id: Type.String(),
  name: Type.String(),
  state: Type.Union([Type.Literal('created'), Type.Literal('started'), Type.Literal('stopped')]),
  region: Type.String(),
  instance_id: Type.String(),
  private_ip: Type.String(),
  created_at: Type.String(),
  updated_at: Type.String(),
  config: strictObject({
    metadata,
    services: Type.Array(
      strictObject({
        protocol: Type.Union([Type.Literal('tcp'), Type.Literal('udp')]),
        internal_port: Type.Integer(),
      }),
    ),
  }),
  checks: Type.Array(
    strictObject({
      name: Type.String(),
      status: Type.Union([Type.Literal('passing'), Type.Literal('critical')]),
    }),
  ),
  host_status: Type.Union([
    Type.Literal('ok'),
    Type.Literal('unknown'),
    Type.Literal('unreachable'),
  ]),
});

export const MACHINE_VIEW: Contract<MachineView> = contract<MachineView>()(machine);

export const MACHINE_LIST: Contract<readonly MachineView[]> = contract<readonly MachineView[]>()(
  Type.Array(machine),
);

export const MACHINE_FILTER: Contract<MachineFilter> = contract<MachineFilter>()(
  Type.Record(Type.String(), Type.String({ maxLength: METADATA_VALUE_LENGTH_MAX }), {
    propertyNames: { pattern: '^(include_deleted|region|state|summary|metadata\\..+)$' },
    maxProperties: METADATA_PAIRS_MAX,
  }),
);

export const MACHINE_WAIT: Contract<MachineWait> = contract<MachineWait>()(
  strictObject({
    state: Type.Optional(
      Type.Union([
        Type.Literal('started'),
        Type.Literal('stopped'),
        Type.Literal('suspended'),
        Type.Literal('destroyed'),
      ]),
    ),
    timeout: Type.Optional(Type.String({ pattern: '^([0-9]|[1-5][0-9]|60)$' })),
    instance_id: Type.Optional(Type.String({ maxLength: TEXT_LENGTH_MAX })),
  }),
);

export const MACHINE_WAITED: Contract<MachineWaited> = contract<MachineWaited>()(
  strictObject({ ok: Type.Literal(true) }),
);

export const MACHINE_METADATA: Contract<MachineMetadata> = contract<MachineMetadata>()(metadata);

export const SET_METADATA: Contract<SetMetadata> = contract<SetMetadata>()(
  strictObject({ value: Type.String({ maxLength: METADATA_VALUE_LENGTH_MAX }) }),
);
