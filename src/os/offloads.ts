// Which offloads of the kernel the packet path may use, and how a person switches them off. What
// the kernel does not know, or refuses at run time, is left out besides.

import { P6nError } from '../base/errors.ts';

export interface Offloads {
  /** TCP superpackets of a TUN: cut on the way out, merged on the way in. */
  readonly tunTcp: boolean;
  /** The same for UDP. */
  readonly tunUdp: boolean;
  /** Runs of datagrams to one endpoint in one message (UDP_SEGMENT). */
  readonly udpGso: boolean;
  /** Runs of datagrams from one endpoint in one message (UDP_GRO). */
  readonly udpGro: boolean;
}

export const ALL_OFFLOADS: Offloads = { tunTcp: true, tunUdp: true, udpGso: true, udpGro: true };
export const NO_OFFLOADS: Offloads = { tunTcp: false, tunUdp: false, udpGso: false, udpGro: false };

export type OffloadName = 'tun-tcp' | 'tun-udp' | 'udp-gso' | 'udp-gro';

export const OFFLOAD_NAMES: Readonly<Record<OffloadName, keyof Offloads>> = {
  'tun-tcp': 'tunTcp',
  'tun-udp': 'tunUdp',
  'udp-gso': 'udpGso',
  'udp-gro': 'udpGro',
};

/** An offload that the kernel refused, and that is off from then on. */
export interface RefusedOffload {
  readonly offload: OffloadName;
  /** The interface or the socket. */
  readonly where: string;
  /** The kernel's error number. */
  readonly error: number;
}

export type OnRefused = (refused: RefusedOffload) => void;

/**
 * The offloads of a list like `tun-tcp,udp-gso`; all when it is undefined or empty, none for
 * `none`. Throws VALUE_INVALID for a name that is none.
 */
export function parseOffloads(text: string | undefined): Offloads {
  if (text === undefined || text === '') return ALL_OFFLOADS;
  if (text === 'none') return NO_OFFLOADS;
  const chosen = { ...NO_OFFLOADS };
  for (const name of text.split(',')) {
    if (!Object.hasOwn(OFFLOAD_NAMES, name)) {
      throw new P6nError('VALUE_INVALID', `Cannot use offload "${name}"`, {
        hint: `Name some of ${Object.keys(OFFLOAD_NAMES).join(', ')}, or none.`,
      });
    }
    chosen[OFFLOAD_NAMES[name as OffloadName]] = true;
  }
  return chosen;
}
