// Tells an event of a device to all listeners of the network namespace that it runs in, as the
// kernel does: `uevent.js VARIABLE=VALUE`.

import {
  AF_NETLINK,
  NETLINK_KOBJECT_UEVENT,
  SOCK_RAW,
  SOCKADDR_FAMILY_OFFSET,
  SOCKADDR_NL_BYTES,
  SOCKADDR_NL_GROUPS_OFFSET,
  UEVENT_GROUP_KERNEL,
} from '../../src/os/linux/layouts.ts';
import { makeSocket, sendto } from '../../src/os/linux/syscalls.ts';

const [variable = ''] = process.argv.slice(2);
const message = Buffer.from(`change@/devices/vmgenid\0ACTION=change\0${variable}\0SEQNUM=1\0`);
const address = Buffer.alloc(SOCKADDR_NL_BYTES);
address.writeUInt16LE(AF_NETLINK, SOCKADDR_FAMILY_OFFSET);
address.writeUInt32LE(UEVENT_GROUP_KERNEL, SOCKADDR_NL_GROUPS_OFFSET);
const descriptor = makeSocket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT) ?? -1;
if (sendto(descriptor, message, message.length, 0, address, address.length) < 0) process.exit(1);
