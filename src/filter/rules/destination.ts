// The destination picks the way out: this host on `p6n0`, an instance or a WireGuard peer of this
// host, or another host. The source is proven and the networks may talk when a packet comes here.
//
// The hop limit stays as it is: the mesh is one link to its members. Nothing that comes from one
// host goes on to another, so no packet can circle, and a hop would have no address to answer from
// that all networks share.

import { INFRASTRUCTURE_NETWORK } from '../../addressing/ids.ts';
import type { Millis } from '../../base/clock.ts';
import { DESTINATION_OFFSET } from '../../ip/header.ts';
import { judgeDoor } from '../door/door.ts';
import type { FlowTable } from '../door/flow-table.ts';
import { judgeInvite } from '../door/invite.ts';
import { DropReason } from '../drop-reason.ts';
import type { Outcome } from '../outcome.ts';
import { type FilterPacket, Ingress } from '../packet.ts';
import { AddressShape } from '../packet-address.ts';
import type { FilterTables } from '../tables.ts';
import { PassRule, type Verdict } from '../verdict.ts';
import { isExtraAddress } from './source-proof.ts';

/**
 * Why a packet from another host is for nothing behind this one, or undefined. Transit happens only
 * where one side is a WireGuard peer of this host.
 */
export function judgeTransit(tables: FilterTables, packet: FilterPacket): DropReason | undefined {
  const { destination } = packet;
  switch (destination.shape) {
    case AddressShape.OutsideSite:
      return undefined;
    case AddressShape.Nameserver:
      return DropReason.NameserverElsewhere;
    case AddressShape.Service:
      return DropReason.ServiceAddress;
    case AddressShape.WireguardPeer:
      // An invite is known to its server alone; the invite's own host has it as an extra address.
      if (isForExtraAddress(tables, packet)) return undefined;
      if (destination.network === INFRASTRUCTURE_NETWORK) return DropReason.Transit;
      break;
    case AddressShape.OutsidePlan:
    case AddressShape.Host:
    case AddressShape.Instance:
      break;
  }
  return destination.host === tables.hostId ? undefined : DropReason.Transit;
}

/** The verdict by the packet's destination. */
export function judgeDestination(
  tables: FilterTables,
  flows: FlowTable,
  packet: FilterPacket,
  outcome: Outcome,
  now: Millis,
): Verdict {
  const { source, destination, ingress } = packet;
  if (ingress === Ingress.WireguardPeer && source.network === INFRASTRUCTURE_NETWORK) {
    return judgeInvite(tables, packet, outcome);
  }
  if (isForExtraAddress(tables, packet)) return judgeDoor(tables, flows, packet, outcome, now);
  switch (destination.shape) {
    case AddressShape.OutsideSite:
      return outcome.drop(DropReason.DestinationOutsideSite, ingress);
    case AddressShape.OutsidePlan:
      return outcome.drop(DropReason.DestinationOutsidePlan, ingress);
    case AddressShape.Service:
      return outcome.drop(DropReason.ServiceAddress, ingress);
    case AddressShape.Nameserver:
      return judgeDoor(tables, flows, packet, outcome, now);
    case AddressShape.Host:
      if (destination.host !== tables.hostId) return toOtherHost(tables, packet, outcome);
      return judgeDoor(tables, flows, packet, outcome, now);
    case AddressShape.Instance:
      if (destination.host !== tables.hostId) return toOtherHost(tables, packet, outcome);
      return toInstance(tables, packet, outcome);
    case AddressShape.WireguardPeer:
      if (destination.host !== tables.hostId) return toOtherHost(tables, packet, outcome);
      return toWireguardPeer(tables, packet, outcome);
  }
}

function isForExtraAddress(tables: FilterTables, packet: FilterPacket): boolean {
  return isExtraAddress(tables, packet.bytes, packet.offset + DESTINATION_OFFSET);
}

function toOtherHost(tables: FilterTables, packet: FilterPacket, outcome: Outcome): Verdict {
  const { destination, ingress } = packet;
  const invite =
    destination.shape === AddressShape.WireguardPeer &&
    destination.network === INFRASTRUCTURE_NETWORK;
  if (invite) return outcome.drop(DropReason.InviteLimited, ingress);
  return tables.hosts.has(destination.host)
    ? outcome.toPeer(PassRule.OtherHost)
    : outcome.drop(DropReason.UnknownHost, ingress);
}

function toInstance(tables: FilterTables, packet: FilterPacket, outcome: Outcome): Verdict {
  const { source, destination, ingress } = packet;
  const tun = tables.networks.get(destination.network)?.instances.get(destination.instance);
  if (tun === undefined) return outcome.drop(DropReason.NoSuchInstance, ingress);
  if (ingress === Ingress.InstanceTun && tun === packet.ingressTun) {
    return outcome.drop(DropReason.Hairpin, ingress);
  }
  const answer = source.shape === AddressShape.Nameserver;
  return outcome.toTun(tun, answer ? PassRule.NameserverAnswer : PassRule.Instance);
}

function toWireguardPeer(tables: FilterTables, packet: FilterPacket, outcome: Outcome): Verdict {
  const { source, destination, ingress } = packet;
  const network = tables.networks.get(destination.network);
  if (network?.wireguardPeers.has(destination.slot) !== true) {
    return outcome.drop(DropReason.NoSuchWireguardPeer, ingress);
  }
  const answer = source.shape === AddressShape.Nameserver;
  const rule = answer ? PassRule.NameserverAnswer : PassRule.WireguardPeer;
  const isInvite = destination.network === INFRASTRUCTURE_NETWORK;
  return isInvite ? outcome.toPeer(rule) : outcome.toGatewayPeer(rule);
}
