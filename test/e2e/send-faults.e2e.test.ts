// Runs of datagrams that the kernel refuses, by a library in front of libc that fails as kernels
// do: this machine's own refuses none.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './faulty-sender.ts';

const PROGRAM = fileURLToPath(new URL('./faulty-sender.js', import.meta.url));
/** In one message, in three, and none. */
const [WHOLE, SINGLY, LOST] = [1, 3, 0];
const NONE = { full: 0, failed: 0 };

const LIBRARY = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int met;

static int meets(struct msghdr *message, int longer_than, const char *address) {
  int segment = 0;
  for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one))
    if (one->cmsg_level == 17 && one->cmsg_type == 103)
      segment = *(unsigned short *)CMSG_DATA(one);
  struct sockaddr_in *to = message->msg_name;
  return segment > longer_than && (*address == '*' || to->sin_addr.s_addr == inet_addr(address));
}

/* As the kernel does: what is before the first that fails is sent. */
int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
  const char *fault = getenv("P6N_SEND_FAULT");
  int error, longer_than, times;
  char address[64];
  if (!fault) met = 0;
  else if (sscanf(fault, "%d %d %63s %d", &error, &longer_than, address, &times) == 4) {
    unsigned before = 0;
    while (before < count && !meets(&messages[before].msg_hdr, longer_than, address)) before++;
    if (before == 0 && met < times) {
      met++;
      errno = error;
      return -1;
    }
    if (before > 0) count = before;
  }
  return syscall(SYS_sendmmsg, fd, messages, count, flags);
}
`;

test('runs that the kernel refuses are sent datagram by datagram, and others as they were', () => {
  const outcomes = sendWithFaults();
  for (const error of ['EINVAL', 'EMSGSIZE']) {
    const { messages, split, dropped, refused } = outcomes[error]!;
    assert.deepEqual(messages, [SINGLY, SINGLY, WHOLE, WHOLE], error);
    assert.deepEqual({ split, dropped, refused }, { split: 1, dropped: NONE, refused: [] }, error);
  }
  const ofOne = outcomes['EIO of one path']!;
  assert.deepEqual(ofOne.messages, [SINGLY, SINGLY, WHOLE]);
  assert.deepEqual([ofOne.split, ofOne.sent, ofOne.refused.length], [1, 9, 0]);
  const ofAll = outcomes['EIO of all']!;
  assert.deepEqual(ofAll.messages, [SINGLY, SINGLY, SINGLY]);
  assert.deepEqual([ofAll.split, ofAll.sent], [1, 9]);
  assert.deepEqual(ofAll.refused, [{ offload: 'udp-gso', where: 'UDP socket of IPv4', error: 5 }]);
  const fromStart = outcomes['EIO from the start']!;
  assert.deepEqual([fromStart.messages, fromStart.split], [[SINGLY], 0]);
  assert.equal(fromStart.refused.length, 2);
  for (const passing of ['EINTR', 'EAGAIN for a moment']) {
    const { messages, sent } = outcomes[passing]!;
    assert.deepEqual([messages, sent], [[WHOLE], 3], passing);
  }
  for (const [error, dropped] of [
    ['EAGAIN', { full: 3, failed: 0 }],
    ['EPERM', { full: 0, failed: 3 }],
  ] as const) {
    const outcome = outcomes[error]!;
    assert.deepEqual(outcome.messages, [WHOLE, LOST], error);
    assert.deepEqual([outcome.split, outcome.sent, outcome.dropped], [0, 3, dropped], error);
  }
});

function sendWithFaults(): Record<string, Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-faults-'));
  try {
    const library = join(folder, 'faults.so');
    writeFileSync(`${library}.c`, LIBRARY);
    execFileSync('gcc', ['-shared', '-fPIC', '-o', library, `${library}.c`]);
    const env = { ...process.env, LD_PRELOAD: library };
    return JSON.parse(execFileSync(process.execPath, [PROGRAM], { encoding: 'utf8', env }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
