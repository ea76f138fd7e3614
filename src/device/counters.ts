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
  // Packets that were to be sent, by how they ended.
  SentData: 21,
  Staged: 22,
  SentStaged: 23,
  DropNoPeer: 24,
  DropNoEndpoint: 25,
  DropStagingFull: 26,
  DropStagingMemory: 27,
  DropHandshakeGivenUp: 28,
  DropPeerRemoved: 29,
  // Messages that the device made itself.
  SentInitiation: 30,
  SentResponse: 31,
  SentCookieReply: 32,
  SentKeepalive: 33,
  // Bytes of UDP payload.
  ReceivedBytes: 34,
  SentBytes: 35,
  // State changes.
  HandshakesCompleted: 36,
  EndpointsRoamed: 37,
} as const;
export type DeviceCounter = (typeof DeviceCounter)[keyof typeof DeviceCounter];

export const DEVICE_COUNTERS: number = Object.keys(DeviceCounter).length;

/** The counters in which every received datagram ends exactly once. */
export const RECEIVE_COUNTERS: readonly DeviceCounter[] = Object.values(DeviceCounter).filter(
  (counter) => counter <= DeviceCounter.DropSourceNotAllowed,
);

/** Room for all counters, all zero. */
export function deviceCounters(): Float64Array {
  return new Float64Array(DEVICE_COUNTERS);
}
