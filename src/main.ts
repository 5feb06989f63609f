// Owns the process: start, signals, exit code, and the few lines that a person reads first.

import closeWithGrace, { type Signals } from 'close-with-grace'
import type { DestinationStream } from 'pino'
import { buildApp } from './app.ts'
import type { Overrides } from './app-foundation.ts'
import { banner } from './banner.ts'
import { type Config, loadConfig, loadSecrets } from './config/config.ts'
import { readEnvironment } from './config/env.ts'
import { type Flags, withFlags } from './config/flags.ts'
import { createLogger } from './ops/logger.ts'
import { onStopSignal } from './stop-signals.ts'

/** What closing may take beside draining the open calls. */
const CLOSING_MS = 5_000
/** Heard here, or by stop-signals.ts. */
const SIGNALS: Signals[] = ['SIGHUP', 'SIGINT', 'SIGTERM']

/** Resolves once the service listens. Throws, with nothing left open, when it cannot start. */
export async function start(flags: Flags = {}, overrides: Partial<Overrides> = {}): Promise<void> {
  const began = performance.now()
  const env = withFlags(readEnvironment(), flags)
  const config = loadConfig(env)
  const secrets = await loadSecrets(env, config)
  const logger = createLogger({ level: config.logLevel, destination: await terminalOutput() })

  const readConfig = () => loadConfig(withFlags(readEnvironment(), flags))
  const given = { logger, readConfig, ...overrides }
  const { app, firstSteps, reload } = await buildApp(config, secrets, given)
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    await app.close()
    throw new Error(whyNotListening(error, config), { cause: error })
  }

  // The word for reading the configuration again, as for other services; also when it is the terminal that says goodbye, because
  // the two look the same, and whoever means the latter has SIGTERM.
  process.on('SIGHUP', () => void reload?.now())
  const closing = { delay: config.shutdownGraceMs + CLOSING_MS, logger, skip: SIGNALS }
  const { close } = closeWithGrace(closing, async ({ err }) => {
    if (err) logger.fatal({ err }, 'stopping after an error that nobody handled')
    await app.close()
  })
  onStopSignal((signal) => {
    logger.info({ signal }, 'stopping')
    void close()
  })
  process.stdout.write(banner(config, firstSteps))
  logger.info({ url: config.publicUrl, ms: Math.round(performance.now() - began) }, 'ready')
}

/** Undefined where nobody looks: then the log is JSON. */
async function terminalOutput(): Promise<DestinationStream | undefined> {
  return process.stdout.isTTY ? (await import('./ops/readable-output.ts')).readableOutput() : undefined
}

function whyNotListening(error: unknown, { host, port }: Config): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return `Port ${port} on ${host} is taken. Stop what listens there, or set PORT.`
  if (code === 'EACCES') return `This user may not listen on port ${port}. Set PORT to 1024 or higher.`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST is ${host}, which is no address of this machine. Set HOST to one, or to 0.0.0.0 for all.`
  return `Cannot listen on ${host}:${port}.`
}
