// The metrics as Prometheus reads them. The numbers are counted elsewhere, where it costs least,
// and are handed to prom-client at each reading; the process and its event loop it measures itself.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { assert } from '../base/assert.ts';
import { METRICS, type MetricName, type Samples } from './definitions.ts';

/** How often the event loop's delay is looked at, milliseconds: rarely enough to cost nothing. */
const LOOP_PRECISION_MS = 100;

type Metric = Counter | Gauge;

export class Exposition {
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricName, Metric>();
  readonly #collect: () => Promise<Samples>;

  constructor(collect: () => Promise<Samples>) {
    this.#collect = collect;
    const registers = [this.#registry];
    for (const [name, { type, labels, help }] of Object.entries(METRICS)) {
      const configuration = { name, help: `${help}.`, labelNames: labels, registers };
      const isCounter = type === 'counter';
      this.#metrics.set(
        name as MetricName,
        isCounter ? new Counter(configuration) : new Gauge(configuration),
      );
    }
    collectDefaultMetrics({
      register: this.#registry,
      eventLoopMonitoringPrecision: LOOP_PRECISION_MS,
    });
  }

  /** Text format 0.0.4. */
  async text(): Promise<string> {
    const samples = await this.#collect();
    for (const metric of this.#metrics.values()) metric.reset();
    for (const [name, series] of samples) {
      const metric = this.#metrics.get(name);
      assert(metric !== undefined, `${name} is defined`);
      for (const { labels = {}, value } of series) metric.inc(labels, value);
    }
    return this.#registry.metrics();
  }
}
