// Owns the metrics: what is counted, by which names and labels, and the text in which it is told.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What is counted of a call. */
export interface CallFacts {
  readonly upstream: string | null
  readonly outcome: string
  readonly reason: string | null
  readonly milliseconds: number
}

/** One HTTP request that was not a call: to a page, the authorization server or a probe. */
export interface RequestRecord {
  /** As it was registered, never as it was sent: the values of a label are few. */
  readonly route: string
  readonly status: number
  readonly milliseconds: number
}

export interface Metrics {
  call(facts: CallFacts): void
  request(record: RequestRecord): void
  /** By the name that the audit has for it. */
  event(name: string): void
  /** Of what is counted elsewhere, and asked when somebody looks. */
  counter(name: string, help: string, value: () => number): void
  /** Of what is asked when somebody looks. */
  gauge(name: string, help: string, value: () => number): void
  /** The same for each upstream that there is. */
  gaugePerUpstream(name: string, help: string, values: () => Iterable<readonly [string, number]>): void
  readonly contentType: string
  /** Everything, in the text format of Prometheus. */
  text(): Promise<string>
}

/** Seconds. From what passing costs to what a slow tool takes. */
const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** For a call that several upstreams were asked about; their combinations would be labels without number. */
const SEVERAL = '*'

/** Labels hold what an operator configured and what is named here; nothing that a client or an upstream chooses. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const calls = new Counter({
    name: 'gatehouse_calls_total',
    help: 'Requests to /mcp and below, by how they ended.',
    labelNames: ['upstream', 'outcome', 'reason'],
    registers,
  })
  const durations = new Histogram({
    name: 'gatehouse_call_duration_seconds',
    help: 'From the head of a call to the end of its answer; event streams are counted when they end.',
    labelNames: ['upstream'],
    buckets: CALL_BUCKETS,
    registers,
  })
  const requests = new Histogram({
    name: 'gatehouse_http_request_duration_seconds',
    help: 'Requests to pages and to the authorization server.',
    labelNames: ['route', 'status'],
    buckets: REQUEST_BUCKETS,
    registers,
  })
  const events = new Counter({
    name: 'gatehouse_audit_events_total',
    help: 'What the audit recorded, calls aside.',
    labelNames: ['event'],
    registers,
  })
  return {
    call({ upstream, outcome, reason, milliseconds }) {
      const name = upstream?.includes(',') ? SEVERAL : (upstream ?? '')
      calls.inc({ upstream: name, outcome, reason: reason ?? '' })
      durations.observe({ upstream: name }, milliseconds / 1000)
    },
    request({ route, status, milliseconds }) {
      requests.observe({ route, status }, milliseconds / 1000)
    },
    event: (name) => events.inc({ event: name }),
    counter(name, help, value) {
      const collect = function (this: Counter) {
        this.reset()
        this.inc(value())
      }
      registry.registerMetric(new Counter({ name, help, registers: [], collect }))
    },
    gauge(name, help, value) {
      const collect = function (this: Gauge) {
        this.set(value())
      }
      registry.registerMetric(new Gauge({ name, help, registers: [], collect }))
    },
    gaugePerUpstream(name, help, values) {
      const collect = function (this: Gauge) {
        // Those that were removed are not told of any more.
        this.reset()
        for (const [upstream, value] of values()) this.set({ upstream }, value)
      }
      registry.registerMetric(new Gauge({ name, help, labelNames: ['upstream'], registers: [], collect }))
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}
