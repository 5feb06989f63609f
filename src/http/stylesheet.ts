// Owns the one style sheet: Pico with our own layer on top, served from our own origin under a name that its content gives.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'

const FILES = [
  import.meta.resolve('@picocss/pico/css/pico.classless.min.css'),
  import.meta.resolve('../../views/gatehouse.css'),
]
const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60

/** Adds the route and returns its path. */
export async function addStylesheet(app: FastifyInstance): Promise<string> {
  const parts = await Promise.all(FILES.map((file) => readFile(new URL(file), 'utf8')))
  const plain = Buffer.from(parts.join('\n'))
  const compressed = await promisify(gzip)(plain)
  const path = `/assets/gatehouse-${createHash('sha256').update(plain).digest('hex').slice(0, 12)}.css`

  app.get(path, async ({ headers }, reply) => {
    const zipped = /\bgzip\b/.test(headers['accept-encoding']?.toString() ?? '')
    reply.type('text/css; charset=utf-8').headers({
      'cache-control': `public, max-age=${ONE_YEAR_SECONDS}, immutable`,
      vary: 'Accept-Encoding',
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    })
    return reply.send(zipped ? compressed : plain)
  })
  return path
}
