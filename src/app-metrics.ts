// Owns the second port: where metrics are told to whoever can reach it, away from what the world can.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config/config.ts'
import type { Metrics } from './ops/metrics.ts'
import type { OpenDatabase } from './storage/database.ts'

/** Null when there is no port for them: then nothing is counted. Throws when the port cannot be had. */
export async function openMetrics(
  app: FastifyInstance,
  { host, metricsPort }: Pick<Config, 'host' | 'metricsPort'>,
): Promise<Metrics | null> {
  if (metricsPort === null) return null
  const { createMetrics } = await import('./ops/metrics.ts')
  const metrics = createMetrics()
  const server = createServer(async ({ method, url }, res) => {
    const isAsked = url === '/metrics' && (method === 'GET' || method === 'HEAD')
    if (!isAsked) return void res.writeHead(404).end()
    res.writeHead(200, { 'content-type': metrics.contentType }).end(await metrics.text())
  })
  server.listen(metricsPort, host)
  await once(server, 'listening').catch((cause) => {
    throw new Error(
      `Port ${metricsPort} for metrics cannot be had. Stop what listens there, or set METRICS_PORT.`,
      {
        cause,
      },
    )
  })
  app.addHook('onClose', async () => {
    server.close()
    server.closeAllConnections()
  })
  return metrics
}

export interface UpstreamState {
  readonly upstream: string
  readonly isDown: boolean
  /** Null where nothing limits them. */
  readonly calls: number | null
  readonly streams: number | null
}

/** How each upstream stands on this replica. */
function addUpstreamGauges({ gaugePerUpstream }: Metrics, states: () => readonly UpstreamState[]): void {
  const each = (value: (state: UpstreamState) => number | null) => () =>
    states().flatMap((state): [string, number][] => {
      const told = value(state)
      return told === null ? [] : [[state.upstream, told]]
    })
  gaugePerUpstream(
    'gatehouse_upstream_down',
    '1 while an upstream is left alone because it failed five times in a row.',
    each(({ isDown }) => (isDown ? 1 : 0)),
  )
  gaugePerUpstream(
    'gatehouse_upstream_calls',
    'Calls under way at an upstream.',
    each(({ calls }) => calls),
  )
  gaugePerUpstream(
    'gatehouse_upstream_streams',
    'Streams that only listen, open at an upstream.',
    each(({ streams }) => streams),
  )
}

export interface Standing {
  openStreams(): number
  upstreamStates(): readonly UpstreamState[]
  linesLost(): number
  heldAnswerBytes(): number
}

/** What the parts know at any moment. */
export function addGauges(
  metrics: Metrics,
  { pool }: Pick<OpenDatabase, 'pool'>,
  { openStreams, upstreamStates, linesLost, heldAnswerBytes }: Standing,
): void {
  const { counter, gauge } = metrics
  addUpstreamGauges(metrics, upstreamStates)
  gauge('gatehouse_open_streams', 'Event streams to clients that are open.', openStreams)
  gauge(
    'gatehouse_held_answer_bytes',
    'Bytes of answers that are held because they are read.',
    heldAnswerBytes,
  )
  counter('gatehouse_log_lines_lost_total', 'Lines of the log that standard output did not take.', linesLost)
  if (pool === null) return
  gauge('gatehouse_database_connections', 'Connections to PostgreSQL.', () => pool.totalCount)
  gauge('gatehouse_database_waiting', 'Who waits for a connection to PostgreSQL.', () => pool.waitingCount)
}
