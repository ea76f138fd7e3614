// Who is at the other end of a unix socket: SO_PEERCRED, which the kernel fills when the connection
// is made and which the peer cannot forge (unix(7)).

import type { Socket } from 'node:net';
import type { PeerCredentials } from '../sockets.ts';
import {
  SO_PEERCRED,
  SOL_SOCKET,
  UCRED_BYTES,
  UCRED_GID_OFFSET,
  UCRED_UID_OFFSET,
} from './layouts.ts';
import { getOption } from './syscalls.ts';

/** The peer of an accepted unix connection; undefined once it is closed, or for other sockets. */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  // Node.js shows the descriptor of a connection nowhere else.
  const handle = (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })
    ._handle;
  const fd = handle?.fd;
  if (fd === undefined || fd < 0) return undefined;
  const value = getOption(fd, SOL_SOCKET, SO_PEERCRED, UCRED_BYTES);
  if (value === undefined) return undefined;
  const pid = value.readInt32LE(0);
  // Sockets that are no unix sockets say process 0.
  if (pid === 0) return undefined;
  return {
    pid,
    uid: value.readUInt32LE(UCRED_UID_OFFSET),
    gid: value.readUInt32LE(UCRED_GID_OFFSET),
  };
}
