// Owns the demo upstream as a process of its own: HOST and PORT in, SIGTERM or SIGINT ends it.

import { startDemoUpstream } from './server.ts'

const DEFAULT_PORT = 3000

try {
  const demo = await startDemoUpstream({ host: process.env.HOST ?? '127.0.0.1', port: readPort() })
  process.stdout.write(`Demo upstream at ${demo.url}\n`)
  const stop = () => void demo.close()
  process.once('SIGTERM', stop).once('SIGINT', stop)
} catch (error) {
  process.stderr.write(`The demo upstream did not start: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

function readPort(): number {
  const port = Number(process.env.PORT ?? DEFAULT_PORT)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error('PORT must be a number from 0 to 65535')
  return port
}
