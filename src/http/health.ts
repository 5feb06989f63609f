// Owns the two probes: alive, and ready to take traffic. They say nothing else (no version, no names).

import type { FastifyInstance } from 'fastify'

/** A probe that waits longer than this has its answer. */
const CHECK_TIMEOUT_MS = 2_000

export interface HealthNeeds {
  /** Each resolves when what it checks works, and rejects when not. */
  readonly checks: readonly (() => Promise<unknown>)[]
  /** True once the process has begun to stop: no new traffic, please. */
  readonly isDraining: () => boolean
  readonly timeoutMs?: number
}

export async function health(app: FastifyInstance, needs: HealthNeeds): Promise<void> {
  const { checks, isDraining, timeoutMs = CHECK_TIMEOUT_MS } = needs
  const noStore = { 'cache-control': 'no-store' }

  app.get('/healthz', async (_request, reply) => reply.headers(noStore).send({ status: 'ok' }))

  app.get('/readyz', async (request, reply) => {
    reply.headers(noStore)
    if (isDraining()) return reply.code(503).send({ status: 'draining' })
    try {
      await within(timeoutMs, Promise.all(checks.map((check) => check())))
      return reply.send({ status: 'ok' })
    } catch (error) {
      request.log.warn({ err: error }, 'not ready')
      return reply.code(503).send({ status: 'unavailable' })
    }
  })
}

async function within<Value>(milliseconds: number, work: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`a readiness check took longer than ${milliseconds} ms`)),
    milliseconds,
  )
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
