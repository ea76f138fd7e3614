// What an invite may do: reach the enrolment port of the server that made it, and nothing else. Not
// even an echo: whoever finds a token can knock at one port.

import { ENROLMENT_PORT } from '../../addressing/ports.ts';
import { readUint16 } from '../../ip/header.ts';
import { IpProtocol } from '../../ip/protocol.ts';
import { DESTINATION_PORT_OFFSET, TCP_HEADER_BYTES } from '../../ip/transport.ts';
import { DropReason } from '../drop-reason.ts';
import type { Outcome } from '../outcome.ts';
import type { FilterPacket } from '../packet.ts';
import { AddressShape } from '../packet-address.ts';
import type { FilterTables } from '../tables.ts';
import { HOST_TUN, PassRule, type Verdict } from '../verdict.ts';

/** The verdict on a packet from an invite, whose source is proven, to network 0. */
export function judgeInvite(tables: FilterTables, packet: FilterPacket, outcome: Outcome): Verdict {
  const { destination } = packet;
  const allowed =
    tables.server &&
    destination.shape === AddressShape.Host &&
    destination.host === tables.hostId &&
    isEnrolment(packet);
  return allowed
    ? outcome.toTun(HOST_TUN, PassRule.DoorEnrolment)
    : outcome.drop(DropReason.InviteLimited, packet.ingress);
}

function isEnrolment(packet: FilterPacket): boolean {
  const { bytes, transport } = packet;
  return (
    !transport.extended &&
    transport.protocol === IpProtocol.Tcp &&
    packet.transportLength >= TCP_HEADER_BYTES &&
    readUint16(bytes, transport.offset + DESTINATION_PORT_OFFSET) === ENROLMENT_PORT
  );
}
