// Owns the stage of the tests of tasks: gateways in front of servers that make them, and requests of persons that follow them.

import { randomBytes } from 'node:crypto'
import type { GatewayNeeds } from '../../../src/gateway/gateway.ts'
import { createKeyring } from '../../../src/storage/sealing.ts'
import { openLinks } from '../../support/links.ts'
import { asking } from '../bridge/modern-stage.ts'
import {
  type Claims,
  open,
  PUBLIC_URL,
  type Sent,
  type Stage,
  send,
  setStage,
  type Teardown,
  until,
} from '../stage.ts'

export const EXTENSION = 'io.modelcontextprotocol/tasks'
export const FOLLOWS = { extensions: { [EXTENSION]: {} } }

type Members = Readonly<Record<string, unknown>>

/** `url`s by name. With one, its name is `notes`. */
export type Servers = readonly { readonly name?: string; readonly url: string }[]

export async function setTasks(
  t: Teardown,
  servers: Servers,
  needs: Partial<GatewayNeeds> = {},
): Promise<Stage> {
  return setStage(t, servers, { links: openLinks(t), ...needs })
}

/** Two gateways that share a key and nothing else. */
export async function setReplicas(t: Teardown, servers: Servers): Promise<readonly [Stage, Stage]> {
  const keyring = createKeyring([randomBytes(32).toString('base64url')])
  const sessions = {
    seal: (text: string, aad: string) => keyring.seal('mcp-session', text, aad),
    open: (sealed: string, aad: string) => keyring.open('mcp-session', sealed, aad)?.toString() ?? null,
  }
  const one = await setTasks(t, servers, { sessions })
  const keys = { find: (kid: string) => one.keys.get(kid) ?? null }
  const other = await setTasks(t, servers, { sessions, keys })
  return [one, { ...other, token: one.token }]
}

export interface Asked {
  /** `/mcp/notes` without it. */
  readonly path?: string
  readonly claims?: Claims
  readonly capabilities?: object
  readonly signal?: AbortSignal
}

/** By somebody with everything at these servers, in a client that follows tasks, but for what is said otherwise. */
export async function requestAs(
  stage: Pick<Stage, 'token'>,
  method: string,
  params: Members,
  { path = '/mcp/notes', claims = {}, capabilities = FOLLOWS, signal }: Asked = {},
): Promise<Sent> {
  const token = await stage.token({ aud: PUBLIC_URL + path, ...claims })
  const sent = asking(method, params, { token, capabilities, ...(signal && { signal }) })
  const { taskId } = params
  return {
    ...sent,
    path,
    headers: { ...sent.headers, ...(typeof taskId === 'string' && { 'mcp-name': taskId }) },
  }
}

export async function ask(stage: Stage, method: string, params: Members, asked: Asked = {}) {
  const answer = await send(stage, await requestAs(stage, method, params, asked))
  const last = answer.text.split('\n').findLast((line) => line.startsWith('data: {'))
  return last === undefined ? answer : { ...answer, json: JSON.parse(last.slice('data: '.length)) }
}

export interface Heard {
  /** Everything so far. */
  text(): string
  /** The tasks that the subscription was granted. */
  acknowledged(): unknown
  /** What was told of tasks, oldest first. */
  tasks(): readonly Members[]
}

/** Listens to these tasks until the test ends; resolves with the acknowledgement. */
export async function listening(
  t: Teardown,
  stage: Stage,
  taskIds: readonly string[],
  asked: Asked = {},
): Promise<Heard> {
  const leaving = new AbortController()
  t.teardown(async () => leaving.abort())
  const params = { notifications: { taskIds } }
  const res = await open(
    stage,
    await requestAs(stage, 'subscriptions/listen', params, { ...asked, signal: leaving.signal }),
  )
  let text = ''
  res
    .on('error', () => undefined)
    .on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
    })
  const said = (method: string): readonly Members[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line) => JSON.parse(line.slice('data: '.length)))
      .flatMap((message) => (message.method === method ? [message.params] : []))
  const acknowledgements = () => said('notifications/subscriptions/acknowledged')
  await until(() => acknowledgements().length > 0)
  const acknowledged = () => {
    const notifications = acknowledgements()[0]?.notifications
    return typeof notifications === 'object' && notifications !== null && 'taskIds' in notifications
      ? notifications.taskIds
      : undefined
  }
  return { text: () => text, acknowledged, tasks: () => said('notifications/tasks') }
}

/** The handle of a new task. */
export async function beginTask(stage: Stage, tool = 'change', asked: Asked = {}): Promise<string> {
  const { json, text } = await ask(stage, 'tools/call', { name: tool, arguments: {} }, asked)
  const { result } = json
  const made = typeof result === 'object' && result !== null && 'taskId' in result ? result : null
  if (typeof made?.taskId !== 'string') throw new Error(`this is no task: ${text}`)
  return made.taskId
}
