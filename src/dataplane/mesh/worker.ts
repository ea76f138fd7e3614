// The entry of the worker of a host of the mesh.

import { toBase64 } from '../../base/bytes.ts';
import { P6nError } from '../../base/errors.ts';
import type { PeerIndex } from '../../device/routes.ts';
import { errorText } from '../worker/error-text.ts';
import { runWorker } from '../worker/run-worker.ts';
import { Engine, type EngineOptions } from './engine.ts';
import type { MeshWire } from './mesh-wire.ts';
import type { Answer, Event, Request } from './messages.ts';

type AnsweredRequest = Exclude<Request, { type: 'stop' }>;

runWorker<EngineOptions, AnsweredRequest, Answer | Event>(({ dependencies, options, report }) => {
  const engine = new Engine(dependencies, options);
  return {
    engine,
    port: engine.pipeline.wire.udp.port,
    answer: (request) => report(answer(engine, request)),
    onRound: () => {
      for (const wire of engine.wires) reportPeerEvents(wire, report);
    },
    onTunFailed: (tun) => report(tunFailed(tun)),
  };
});

function answer(engine: Engine, request: AnsweredRequest): Answer {
  const { type, id } = request;
  if (type === 'apply') {
    const failures = engine
      .apply(request.change)
      .map(({ part, error }) => ({ part, error: errorText(error) }));
    return { type: 'applied', id, failures };
  }
  if (type === 'capture') {
    engine.capture(request.spec);
    return { type, id };
  }
  const statuses = engine.wires.flatMap(({ peers }) => peers.statuses());
  const peers = statuses.map(({ publicKey, status }) => ({
    publicKey: toBase64(publicKey),
    status,
  }));
  return { type, id, peers };
}

function reportPeerEvents(wire: MeshWire, report: (event: Event) => void): void {
  const { device, events, peers } = wire;
  const keyOf = (peer: PeerIndex): string | undefined => {
    const key = peers.keyOf(peer);
    return key === undefined ? undefined : toBase64(key);
  };
  events.drain({
    handshakeCompleted: (peer) => {
      const publicKey = keyOf(peer);
      if (publicKey !== undefined) report({ type: 'handshake', publicKey });
    },
    peerSilent: (peer) => {
      const publicKey = keyOf(peer);
      if (publicKey !== undefined) report({ type: 'silent', publicKey });
    },
    endpointRoamed: (peer) => {
      const publicKey = keyOf(peer);
      if (publicKey === undefined) return;
      report({ type: 'roamed', publicKey, endpoint: device.peerStatus(peer)?.endpoint });
    },
  });
}

function tunFailed(tun: number): Event {
  const error = new P6nError('SYSTEM', `Cannot read TUN ${tun}: its interface is gone`, {
    hint: 'Its network namespace has ended, or somebody removed the interface.',
  });
  return { type: 'tun-failed', tun, error: errorText(error) };
}
