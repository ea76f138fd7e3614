// The three numbers that stand in every address, their ranges, and how they are drawn.

import { assert } from '../base/assert.ts';
import { type Random, randomInteger } from '../base/random.ts';

declare const networkIdBrand: unique symbol;
/** Bound to its network for ever and never given out again. 0 is the hosts' own network. */
export type NetworkId = number & { readonly [networkIdBrand]: true };

declare const hostIdBrand: unique symbol;
/** Counted up by the registry and never given out again. */
export type HostId = number & { readonly [hostIdBrand]: true };

declare const instanceIdBrand: unique symbol;
/** Drawn by an instance's host; unique on that host only. */
export type InstanceId = number & { readonly [instanceIdBrand]: true };

declare const machineIdBrand: unique symbol;
/**
 * The name of an instance in the API and in DNS: 14 random hexadecimal digits, unrelated to its
 * address.
 */
export type MachineId = string & { readonly [machineIdBrand]: true };

/** The network of hosts and pending invites. */
export const INFRASTRUCTURE_NETWORK: NetworkId = 0 as NetworkId;

/** Smaller numbers are kept for services, so every drawn or counted id starts here. */
export const ID_MIN = 0x0001_0000;
export const ID_MAX = 0xffff_ffff;

/** A data plane's table of hosts is an array, so their number has a limit. */
export const HOSTS_MAX: number = 2 ** 20;
export const HOST_ID_MAX: number = ID_MIN + HOSTS_MAX - 1;

const MACHINE_ID_PATTERN = /^[0-9a-f]{14}$/;
const MACHINE_ID_BYTES = 7;

/** Whether `value` may be the id of a tenant's network. */
export function isNetworkId(value: number): value is NetworkId {
  return Number.isInteger(value) && value >= ID_MIN && value <= ID_MAX;
}

export function isHostId(value: number): value is HostId {
  return Number.isInteger(value) && value >= ID_MIN && value <= HOST_ID_MAX;
}

export function isInstanceId(value: number): value is InstanceId {
  return Number.isInteger(value) && value >= ID_MIN && value <= ID_MAX;
}

export function isMachineId(text: string): text is MachineId {
  return MACHINE_ID_PATTERN.test(text);
}

/** A network id at random; the registry redraws while it was ever given out. */
export function drawNetworkId(random: Random): NetworkId {
  return randomInteger(random, ID_MIN, ID_MAX) as NetworkId;
}

/** An instance id at random that is not in `taken`, which holds far fewer ids than there are. */
export function drawInstanceId(random: Random, taken: ReadonlySet<number>): InstanceId {
  assert(taken.size < ID_MAX / 2, 'drawInstanceId: too many ids are taken');
  for (;;) {
    const id = randomInteger(random, ID_MIN, ID_MAX);
    if (!taken.has(id)) return id as InstanceId;
  }
}

export function drawMachineId(random: Random): MachineId {
  const bytes = new Uint8Array(MACHINE_ID_BYTES);
  random.fill(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') as MachineId;
}
