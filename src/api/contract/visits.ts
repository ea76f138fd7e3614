// Visits: an operator of this host in a network, for a proxy or a ping. While the stream of a visit
// is open, this host is present in the network and knows its names.

import { Type } from 'typebox';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

export interface VisitQuery {
  readonly network: string;
  readonly organization?: string;
}

export interface VisitView {
  readonly network: string;
  readonly network_id: number;
  /** This host's own address in the network, to send from. */
  readonly address: string;
}

/** The one line of a visit, once its address can be used. */
export interface VisitLine {
  readonly type: 'visit';
  readonly visit: VisitView;
}

export interface PingRequest {
  /** Of a network that is visited. */
  readonly network_id: number;
  readonly address: string;
}

export interface PingReply {
  /** Absent where nobody has answered in time. */
  readonly round_trip_ms?: number;
}

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

export const VISIT_QUERY: Contract<VisitQuery> = contract<VisitQuery>()(
  strictObject({ network: text, organization: Type.Optional(text) }),
);

export const PING_REQUEST: Contract<PingRequest> = contract<PingRequest>()(
  strictObject({ network_id: Type.Integer({ minimum: 0, maximum: 0xffff_ffff }), address: text }),
);

export const PING_REPLY: Contract<PingReply> = contract<PingReply>()(
  strictObject({ round_trip_ms: Type.Optional(Type.Number()) }),
);
