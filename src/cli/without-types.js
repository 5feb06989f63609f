// Owns loading sources whose types another process has removed.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

const REMOVER = fileURLToPath(new URL('./remove-types.js', import.meta.url))

/**
 * What Node removes types with is 25 MiB that a process keeps for good, so a service leaves that to one that ends. From then on
 * sources come from there. One that is not there, because there was no such process, is left to Node after all.
 */
export async function loadWithoutTypes() {
  const sources = await receiveSources().catch(() => new Map())
  registerHooks({
    load(url, context, next) {
      const source = sources.get(url)
      sources.delete(url)
      return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true }
    },
  })
}

/** @returns {Promise<Map<string, string>>} by the address of the file */
async function receiveSources() {
  const sources = new Map()
  const remover = fork(REMOVER, {
    // The function that it calls is a new one, of which Node warns.
    execArgv: ['--no-warnings'],
    // Nothing of the environment: there are secrets in it.
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  remover.on('message', ([url, source]) => sources.set(url, source))
  // It comes after the last message, whether the process ended well or not.
  await once(remover, 'disconnect')
  return sources
}
