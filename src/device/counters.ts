// Everything that a device counts. Each datagram that arrives ends in exactly one of the first
// block, each packet that is sent in exactly one of the second (a staged packet twice: when it is
// staged, and when it leaves or is dropped).

export const DeviceCounter = {
  // Datagrams that arrived, by how they ended.
  ReceivedData: 0,
  ReceivedKeepalive: 1,
  ReceivedInitiation: 2,
  ReceivedResponse: 3,
  ReceivedCookieReply: 4,
  DropMalformed: 5,
  DropMac1: 6,
  DropUnderLoad: 7,
  DropRateLimited: 8,
  DropInitiationInvalid: 9,
  DropUnknownPeer: 10,
  DropInitiationReplayed: 11,
  DropInitiationFlood: 12,
  DropUnknownIndex: 13,
  DropResponseInvalid: 14,
  DropCookieReplyInvalid: 15,
  DropKeyExpired: 16,
  DropAuthentication: 17,
  DropReplayed: 18,
  DropInnerMalformed: 19,
  DropSourceNotAllowed: 20,
  ReceivedProbe: 21,
  // Packets that were to be sent, by how they ended.
  SentData: 22,
  Staged: 23,
  SentStaged: 24,
  DropNoPeer: 25,
  DropNoEndpoint: 26,
  DropTooBig: 27,
  DropStagingFull: 28,
  DropStagingMemory: 29,
  DropHandshakeGivenUp: 30,
  DropPeerRemoved: 31,
  // Messages that the device made itself.
  SentInitiation: 32,
  SentResponse: 33,
  SentCookieReply: 34,
  SentKeepalive: 35,
  SentProbe: 36,
  // Bytes of UDP payload.
  ReceivedBytes: 37,
  SentBytes: 38,
  // State changes.
  HandshakesCompleted: 39,
  EndpointsRoamed: 40,
} as const;
export type DeviceCounter = (typeof DeviceCounter)[keyof typeof DeviceCounter];

export const DEVICE_COUNTERS: number = Object.keys(DeviceCounter).length;

/** The counters in which every received datagram ends exactly once. */
export const RECEIVE_COUNTERS: readonly DeviceCounter[] = Object.values(DeviceCounter).filter(
  (counter) => counter <= DeviceCounter.ReceivedProbe,
);

/** Room for all counters, all zero. */
export function deviceCounters(): Float64Array {
  return new Float64Array(DEVICE_COUNTERS);
}
