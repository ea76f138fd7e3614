// An instance as its host reports it to a server: the record of the registry, field by field.

import { Type } from 'typebox';
import type { InstanceCheck, InstanceHealth, InstanceService } from '../../registry/model.ts';
import { CHECKS, SERVICES } from './declared.ts';
import { METADATA } from './metadata.ts';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

export interface InstanceRecord {
  readonly kind: 'instance';
  readonly machineId: string;
  readonly app: string;
  readonly network: number;
  readonly host: number;
  readonly instanceId: number;
  readonly address: string;
  readonly name: string;
  readonly group: string;
  readonly region: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly state: 'created' | 'started' | 'stopped';
  readonly services?: readonly InstanceService[];
  readonly checks?: readonly InstanceCheck[];
  readonly health?: InstanceHealth;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });
const moment = Type.Number({ minimum: 0 });

export const INSTANCE_RECORD: Contract<InstanceRecord> = contract<InstanceRecord>()(
  strictObject({
    kind: Type.Literal('instance'),
    machineId: text,
    app: text,
    network: Type.Integer(),
    host: Type.Integer(),
    instanceId: Type.Integer(),
    address: text,
    name: text,
    group: text,
    region: text,
    metadata: METADATA,
    state: Type.Union([Type.Literal('created'), Type.Literal('started'), Type.Literal('stopped')]),
    services: Type.Optional(SERVICES),
    checks: Type.Optional(CHECKS),
    health: Type.Optional(Type.Union([Type.Literal('passing'), Type.Literal('failing')])),
    createdAt: moment,
    updatedAt: moment,
  }),
);
