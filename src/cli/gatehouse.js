#!/usr/bin/env node
// Owns the first step on whatever Node.js the machine has: plain JavaScript, so that an old one can still say what is missing.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const WANTED = 24
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const bundled = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
const isNewEnough = Number(process.versions.node.split('.')[0]) >= WANTED

if (!existsSync(join(root, 'node_modules'))) {
  fail('Gatehouse is not installed yet. Run `npm ci` first.')
} else if (isNewEnough) {
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
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' })
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}

/** @param {string} line */
function fail(line) {
  process.stderr.write(`${line}\n`)
  process.exitCode = 1
}
