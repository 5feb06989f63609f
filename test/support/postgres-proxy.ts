// Owns a wire to PostgreSQL that counts the statements on it and breaks at the one that a test names.

import { connect, createServer, type Socket } from 'node:net'
import type { Teardown } from './database.ts'
import { listenLocally } from './local-server.ts'

/** `before`: the statement never arrives. `after`: it is carried out, and nobody hears of it. */
export type CutMode = 'before' | 'after'

export interface CutPoint {
  /** Of the next token request; its first is 1. */
  readonly statement: number
  readonly mode: CutMode
  /** Instead of breaking the wire: called with the statement held back, which is forgotten when it resolves. */
  readonly instead?: () => Promise<unknown>
}

export interface PostgresProxy {
  /** The same database, by way of this proxy. */
  readonly url: string
  /** The statements of the token request that `act` makes. */
  record(act: () => Promise<unknown>): Promise<readonly string[]>
  cutAt(point: CutPoint): void
}

/** What happens on the wires while a token request is watched. */
interface Watch {
  readonly statements: string[]
  readonly point: CutPoint | null
}

/** What a service does beside, for itself, is none of a token request's statements. */
const OF_A_TOKEN_REQUEST = /^\s*(?:begin|commit|rollback)|\b(?:artifacts|oauth_clients|users)\b/

export async function startPostgresProxy(t: Teardown, databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl)
  let watch: Watch | null = null
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    join(client, upstream, () => watch)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    }
  })
  const port = await listenLocally(server)
  t.teardown(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${port}`
  return {
    url: url.href,
    async record(act) {
      const statements: string[] = []
      watch = { statements, point: null }
      await act()
      watch = null
      return statements
    },
    cutAt(point) {
      watch = { statements: [], point }
    },
  }
}

function join(client: Socket, upstream: Socket, watching: () => Watch | null): void {
  const cut = () => {
    client.destroy()
    upstream.destroy()
  }
  for (const socket of [client, upstream]) socket.on('error', cut).on('close', cut)
  let deaf = false
  upstream.on('data', (bytes) => {
    if (!deaf) client.write(bytes)
    // Carried out: PostgreSQL has answered, and the answer stays here.
    else cut()
  })

  const read = createReader()
  client.on('data', (bytes) => {
    for (const { frame, statement } of read(bytes)) {
      const verdict = statement === null ? 'pass' : judge(watching(), statement)
      if (verdict === 'cut') return cut()
      if (verdict === 'hold') return void client.pause()
      if (verdict === 'deafen') deaf = true
      upstream.write(frame)
    }
  })
}

type Verdict = 'pass' | 'cut' | 'hold' | 'deafen'

function judge(watch: Watch | null, statement: string): Verdict {
  if (!watch || !OF_A_TOKEN_REQUEST.test(statement)) return 'pass'
  watch.statements.push(statement)
  if (watch.point?.statement !== watch.statements.length) return 'pass'
  if (watch.point.instead) {
    void watch.point.instead()
    return 'hold'
  }
  return watch.point.mode === 'before' ? 'cut' : 'deafen'
}

interface Frame {
  readonly frame: Buffer
  /** The text of the statement that begins with this message, or null. */
  readonly statement: string | null
}

/**
 * PostgreSQL's frontend messages: a type, a length that counts itself, the content. The start-up message alone has no
 * type. A statement begins with a Query, or, when it is prepared, with Bind, which names what an earlier Parse said.
 */
function createReader(): (bytes: Buffer) => Frame[] {
  const texts = new Map<string, string>()
  let rest: Buffer = Buffer.alloc(0)
  let started = false
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    const frames: Frame[] = []
    for (;;) {
      const head = started ? 1 : 0
      if (rest.length < head + 4) return frames
      const end = head + rest.readUInt32BE(head)
      if (rest.length < end) return frames
      const frame = rest.subarray(0, end)
      rest = rest.subarray(end)
      frames.push({ frame, statement: started ? statementOf(frame, texts) : null })
      started = true
    }
  }
}

function statementOf(frame: Buffer, texts: Map<string, string>): string | null {
  const type = String.fromCharCode(frame[0] ?? 0)
  const [first = '', second = ''] = frame.subarray(5).toString('latin1').split('\0', 2)
  if (type === 'P') texts.set(first, second)
  if (type === 'Q') return first
  return type === 'B' ? (texts.get(second) ?? '') : null
}
