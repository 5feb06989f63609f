// Owns where the servers of tests listen: on this machine alone, at a port that is free.

import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'

/** Above those that browsers refuse to visit. */
const FIRST_PORT = 11_000
const PORTS = 100
const JOBS = 2
const PROCESSES_OF_A_JOB = 100

/** tap runs that many files at a time, each in a process that knows as which of them. */
const JOB = Number(process.env.TAP_JOB_ID ?? 0) % JOBS
const OWN_PORTS = FIRST_PORT + PORTS * ((process.pid % PROCESSES_OF_A_JOB) * JOBS + JOB)
let given = 0

interface Teardown {
  teardown(close: () => unknown): unknown
}

/** The port. Whoever made the server closes it. */
export async function listenLocally(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It has no port.')
  return address.port
}

/** The origin, at which it answers until the end of the test. */
export async function serveLocally(t: Teardown, server: HttpServer): Promise<string> {
  const port = await listenLocally(server)
  t.teardown(() => closed(server))
  return `http://127.0.0.1:${port}`
}

/** Whatever is open is broken off. */
export function closed(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/**
 * For who has to know an address before anything listens there. Nobody else takes it meanwhile: it is none of those that the
 * system gives to whoever asks for any (from 32768 on), and each test process has a hundred of its own.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS; tried++) {
    const port = OWN_PORTS + (given++ % PORTS)
    if (await isFree(port)) return port
  }
  throw new Error('All ports of this process are taken.')
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  const free = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  if (free) await new Promise((resolve) => server.close(resolve))
  return free
}
