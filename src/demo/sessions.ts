// Owns the 2025-era sessions of the demo upstream: opened by initialize, bounded in number, expiring when idle.

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { isInitializeRequest, type McpServer } from '@modelcontextprotocol/server'
import { createEventLog } from './event-log.ts'
import { NO_SESSION, refuse, TOO_MANY_SESSIONS, UNKNOWN_SESSION } from './refusal.ts'

export interface SessionLimits {
  readonly maxSessions: number
  readonly idleMilliseconds: number
  /** What the SDK tells a client to wait before it resumes a stream. */
  readonly retryMilliseconds: number
  readonly now: () => number
}

export const SESSION_LIMITS: SessionLimits = {
  maxSessions: 200,
  idleMilliseconds: 30 * 60_000,
  retryMilliseconds: 1_000,
  now: Date.now,
}

const SWEEP_MILLISECONDS = 60_000

export interface Sessions {
  handle(req: IncomingMessage, res: ServerResponse, body: unknown): Promise<void>
  count(): number
  /** Closes every session that nobody used for the idle time; open streams count as use. */
  sweep(): Promise<void>
  close(): Promise<void>
}

interface Session {
  readonly transport: NodeStreamableHTTPServerTransport
  /** Requests and streams that are open right now. */
  open: number
  usedAt: number
}

export function createSessions(buildServer: () => McpServer, limits: SessionLimits): Sessions {
  // In order of use, so that the first idle one is the one to give up.
  const sessions = new Map<string, Session>()
  const timer = setInterval(() => void sweep(), SWEEP_MILLISECONDS).unref()

  async function handle(req: IncomingMessage, res: ServerResponse, body: unknown): Promise<void> {
    const id = req.headers['mcp-session-id']
    if (id === undefined) return isInitializeRequest(body) ? open(req, res, body) : refuse(res, NO_SESSION)
    const session = sessions.get(String(id))
    if (session === undefined) return refuse(res, UNKNOWN_SESSION)
    sessions.delete(String(id))
    sessions.set(String(id), session)
    await use(session, req, res, body)
  }

  async function open(req: IncomingMessage, res: ServerResponse, body: unknown): Promise<void> {
    if (!(await makeRoom())) return refuse(res, TOO_MANY_SESSIONS)
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: createEventLog(),
      retryInterval: limits.retryMilliseconds,
      onsessioninitialized: (id) => void sessions.set(id, session),
    })
    const session: Session = { transport, open: 0, usedAt: limits.now() }
    transport.onclose = () => void sessions.delete(transport.sessionId ?? '')
    await buildServer().connect(transport)
    await use(session, req, res, body)
    // Refused before it began (a wrong Accept header, say): nothing else would ever close it.
    if (transport.sessionId === undefined) await transport.close()
  }

  async function use(
    session: Session,
    req: IncomingMessage,
    res: ServerResponse,
    body: unknown,
  ): Promise<void> {
    session.open++
    res.once('close', () => {
      session.open--
      session.usedAt = limits.now()
    })
    await session.transport.handleRequest(req, res, body)
  }

  async function makeRoom(): Promise<boolean> {
    if (sessions.size < limits.maxSessions) return true
    const idle = sessions.values().find((session) => session.open === 0)
    await idle?.transport.close()
    return idle !== undefined
  }

  async function sweep(): Promise<void> {
    const deadline = limits.now() - limits.idleMilliseconds
    const expired = sessions.values().filter((session) => session.open === 0 && session.usedAt <= deadline)
    await closeAll(expired.toArray())
  }

  async function closeAll(doomed: readonly Session[]): Promise<void> {
    await Promise.all(doomed.map((session) => session.transport.close()))
  }

  async function close(): Promise<void> {
    clearInterval(timer)
    await closeAll([...sessions.values()])
  }

  return { handle, count: () => sessions.size, sweep, close }
}
