#!/usr/bin/env node
// Owns the first step on whatever Node.js the machine has: plain JavaScript, so that an old one can still say what is missing.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const WANTED = 24
/** Tells this file that it was started by itself. */
const LAUNCHED = 'GATEHOUSE_LAUNCHED'
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const bundled = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
const isNewEnough = Number(process.versions.node.split('.')[0]) >= WANTED

if (!existsSync(join(root, 'node_modules'))) {
  fail('Gatehouse is not installed yet. Run `npm ci` first.')
} else if (isNewEnough) {
  if (process.env[LAUNCHED] && process.channel) endWithLauncher()
  if (process.argv[2] === 'serve') await (await import('./without-types.js')).loadWithoutTypes()
  await import('./command.ts')
} else if (existsSync(bundled)) {
  runWith(bundled)
} else {
  fail(
    `Gatehouse needs Node.js ${WANTED} or newer, and this is ${process.versions.node}. Install it from https://nodejs.org, ` +
      'or run `npm ci` on Linux (x64 or arm64), which brings it along.',
  )
}

/** @param {string} node */
function runWith(node) {
  // The channel tells either side that the other is gone, however it went.
  const child = spawn(node, process.argv.slice(1), {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [LAUNCHED]: '1' },
  })
  /** @param {NodeJS.Signals} signal */
  const pass = (signal) => void child.kill(signal)
  for (const signal of SIGNALS) process.on(signal, pass)
  child.on('error', ({ message }) => fail(`The Node.js that npm brought along cannot be started: ${message}`))
  child.on('exit', (code, signal) => {
    for (const each of SIGNALS) process.off(each, pass)
    if (signal === null) process.exitCode = code ?? 1
    else process.kill(process.pid, signal)
  })
}

/** Whatever became of the process that runs this one, nobody is left behind without it. */
function endWithLauncher() {
  delete process.env[LAUNCHED]
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel?.unref()
}

/** @param {string} line */
function fail(line) {
  process.stderr.write(`${line}\n`)
  process.exitCode = 1
}
