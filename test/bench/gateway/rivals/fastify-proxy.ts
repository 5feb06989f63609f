// Owns the obvious way with Fastify: @fastify/http-proxy, with jose before it.

import { readFile } from 'node:fs/promises'
import proxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { createLocalJWKSet, jwtVerify } from 'jose'

const [port = '0', jwksFile = '', upstream = ''] = process.argv.slice(2)
const keys = createLocalJWKSet(JSON.parse(await readFile(jwksFile, 'utf8')))
const app = Fastify({ bodyLimit: 20_000_000 })
await app.register(proxy, {
  upstream,
  undici: { connections: null, bodyTimeout: 0 },
  preHandler: async (request, reply) => {
    const token = request.headers.authorization?.replace(/^Bearer /i, '') ?? ''
    const verified = await jwtVerify(token, keys, { algorithms: ['ES256'] }).catch(() => null)
    if (verified === null) await reply.code(401).send()
  },
})
await app.listen({ host: '127.0.0.1', port: Number(port), backlog: 8192 })
process.once('SIGTERM', () => process.kill(process.pid, 'SIGKILL'))
