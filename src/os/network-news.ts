// What tells of changes of the machine's network, as ports: that something has changed is told by a
// descriptor, what is there is read afterwards.

/** A descriptor that becomes readable when something of its subject has changed. */
export interface NetworkNews {
  /** For a Poller. */
  readonly descriptor: number;
  /** Takes all that has been told; returns whether there was anything. */
  drain(): boolean;
  close(): void;
}

/** How a TUN interface is, wherever it has been moved to. */
export interface TunState {
  readonly isUp: boolean;
  readonly mtu: number;
}

export interface TunWatch {
  /** Tells of changes of interfaces where the TUN is; another one after a move. */
  readonly news: NetworkNews | undefined;
  /** How the interface is at the moment; undefined when it is gone. Never blocks. */
  read(): TunState | undefined;
  close(): void;
}
