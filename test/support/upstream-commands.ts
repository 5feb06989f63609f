// Owns `gatehouse upstream` in tests: a service whose upstreams want logins, the command line beside it, and what it prints.

import type { Test } from 'tap'
import { commandLine, type Gatehouse } from './command-line.ts'
import { type BuildOptions, build, newSecretKey } from './gatehouse.ts'
import type { GuardedUpstream } from './guarded-upstream.ts'
import type { CommandProcess } from './process.ts'
import { until } from './until.ts'

export const ALICE = 'alice@example.com'
export const DEVICE = ['--flow', 'device'] as const

export async function setCommandStage(
  t: Test,
  upstream: GuardedUpstream,
  auth: object,
  overrides: BuildOptions['overrides'] = {},
) {
  const notion = { url: upstream.url, title: 'Notion', auth: { type: 'oauth2', ...auth } }
  const pasted = { url: upstream.url, title: 'Pasted', auth: { type: 'api-key' } }
  const plain = { url: upstream.url, title: 'Plain' }
  const UPSTREAMS = JSON.stringify({ notion, pasted, plain })
  const secretKey = newSecretKey()
  const running = await build(t, { env: { UPSTREAMS }, secretKeys: [secretKey], overrides })
  const { config } = running.database
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const env = { DATABASE_URL: config.url, SECRET_KEY: secretKey, PUBLIC_URL: running.origin, UPSTREAMS }
  await running.createPerson(ALICE)
  return { ...running, env, gatehouse: commandLine(env) }
}

/** The page with the code filled in, as soon as the command has printed it. */
export async function pageOf({ stdout, stderr }: CommandProcess): Promise<string> {
  const link = () => /or open (\S+)/.exec(stdout() + stderr())?.[1]
  await until('the link is printed', () => link() !== undefined)
  return link() ?? ''
}

export async function statusOf(gatehouse: Gatehouse, ...more: readonly string[]): Promise<unknown> {
  const { out, err } = await gatehouse('upstream', 'status', ...more, '--json')
  return err === '' ? JSON.parse(out) : err
}
