// What an instance declares to serve, and the checks of it, as schemas of the registry's own types.

import {
  type TArray,
  type TInteger,
  type TLiteral,
  type TObject,
  type TString,
  type TUnion,
  Type,
} from 'typebox';
import {
  CHECK_PATH_LENGTH_MAX,
  CHECKS_MAX,
  SERVICES_MAX,
} from '../../registry/declared-services.ts';
import { strictObject, TEXT_LENGTH_MAX } from './schema.ts';

const PORT_MAX = 65_535;

type Service = TObject<{
  name: TString;
  port: TInteger;
  protocol: TUnion<[TLiteral<'tcp'>, TLiteral<'udp'>]>;
}>;
type TcpCheck = TObject<{ type: TLiteral<'tcp'>; service: TString }>;
type HttpCheck = TObject<{ type: TLiteral<'http'>; service: TString; path: TString }>;

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

const service: Service = strictObject({
  name: text,
  port: Type.Integer({ minimum: 1, maximum: PORT_MAX }),
  protocol: Type.Union([Type.Literal('tcp'), Type.Literal('udp')]),
});

const tcpCheck: TcpCheck = strictObject({ type: Type.Literal('tcp'), service: text });
const httpCheck: HttpCheck = strictObject({
  type: Type.Literal('http'),
  service: text,
  path: Type.String({ maxLength: CHECK_PATH_LENGTH_MAX }),
});

export const SERVICES: TArray<Service> = Type.Array(service, { maxItems: SERVICES_MAX });

export const CHECKS: TArray<TUnion<[TcpCheck, HttpCheck]>> = Type.Array(
  Type.Union([tcpCheck, httpCheck]),
  { maxItems: CHECKS_MAX },
);
