// Owns the peer that speaks MCP 2026-07-28 with a program: a process for each person's client while it is in use.

import { isModern } from '../../mcp/era.ts'
import {
  DISCOVER,
  type Peer,
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type PeerRequest,
  type Visitor,
} from '../../mcp/peer.ts'
import type { Caller } from '../../oauth/caller.ts'
import type { CredentialFor } from '../credentials.ts'
import { EraMismatch } from '../era-mismatch.ts'
import type { OpenChannel } from '../legacy/channel.ts'
import type { StdioUpstream } from '../registry.ts'
import { SERVICE_VISITOR } from '../service-visitor.ts'
import { isModernError, readDiscovery } from './discovery.ts'
import { openProgramLine, type ProgramLine } from './program-line.ts'
import { acknowledgedFirst } from './subscription.ts'

export interface ProgramPeerNeeds {
  readonly upstream: StdioUpstream
  readonly open: OpenChannel
  readonly credentialFor: CredentialFor
  readonly times?: Partial<ProgramTimes>
}

/** Milliseconds. */
export interface ProgramTimes {
  /** Without anything under way. */
  readonly idle: number
  /** For the answer to the first question that there is in this era. */
  readonly probe: number
}

export interface ProgramPeer extends Peer {
  /**
   * Whether the program speaks this era. Rejects with a `PeerFailure` when it cannot be started. One that does not answers
   * with whatever error, not at all, or it ends (basic/transports/stdio.mdx, "Backward Compatibility").
   */
  speaks(caller: Caller): Promise<boolean>
  close(): Promise<void>
}

interface OpenLine {
  readonly line: Promise<ProgramLine>
  idle: NodeJS.Timeout | null
}

const TIMES: ProgramTimes = { idle: 120_000, probe: 10_000 }

export function createProgramPeer({ upstream, open, credentialFor, times }: ProgramPeerNeeds): ProgramPeer {
  const { idle, probe } = { ...TIMES, ...times }
  const lines = new Map<string, OpenLine>()
  const closing = new AbortController()

  function lineOf(caller: Caller): OpenLine {
    const key = JSON.stringify([caller.subject, caller.clientId])
    const found = lines.get(key)
    if (found) return found
    const opened: OpenLine = { line: begin(caller, () => forget(key, opened)), idle: null }
    lines.set(key, opened)
    opened.line.catch(() => forget(key, opened))
    return opened
  }

  function begin(caller: Caller, closed: () => void): Promise<ProgramLine> {
    const credential = async () => credentialFor(caller, upstream)
    return openProgramLine({ upstream, open, credential, signal: closing.signal, closed })
  }

  function forget(key: string, opened: OpenLine): void {
    if (opened.idle) clearTimeout(opened.idle)
    if (lines.get(key) === opened) lines.delete(key)
  }

  async function end(opened: OpenLine): Promise<void> {
    for (const [key, each] of lines) if (each === opened) forget(key, opened)
    await opened.line.then(
      (line) => line.close(),
      () => undefined,
    )
  }

  async function ask(visitor: Visitor, request: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const opened = lineOf(visitor.caller)
    const line = await opened.line
    if (opened.idle) clearTimeout(opened.idle)
    try {
      return await line.ask(visitor, request, hooks)
    } finally {
      if (line.isIdle()) opened.idle = setTimeout(() => void end(opened), idle).unref()
    }
  }

  async function speaks(caller: Caller): Promise<boolean> {
    const opened = lineOf(caller)
    await opened.line
    const hooks = { signal: AbortSignal.timeout(probe), notify: () => undefined }
    const answer = await ask({ ...SERVICE_VISITOR, caller }, DISCOVER, hooks).catch(() => null)
    const isModernAnswer = answer !== null && isFromModern(answer)
    if (!isModernAnswer) await end(opened)
    return isModernAnswer
  }

  return {
    speaks,
    async discover(visitor, signal) {
      const answer = await ask(visitor, DISCOVER, { signal, notify: () => undefined })
      if (answer.kind === 'error') throw new EraMismatch(answer.error)
      return readDiscovery(answer.result)
    },
    request: ask,
    async listen(visitor, filter, { signal, notify }) {
      const asked = { method: 'subscriptions/listen', params: { notifications: filter } }
      const request = { ...asked, inputResponses: null, requestState: null }
      const answer = await ask(visitor, request, { signal, notify: acknowledgedFirst(notify) })
      if (answer.kind === 'error') throw new PeerFailure('answer', { cause: answer.error })
    },
    async close() {
      closing.abort(new PeerFailure('unreachable'))
      await Promise.all([...lines.values()].map(end))
    },
  }
}

function isFromModern(answer: PeerAnswer): boolean {
  if (answer.kind === 'error') return isModernError(answer.error)
  const { supportedVersions } = answer.result
  return (
    Array.isArray(supportedVersions) &&
    supportedVersions.some((each) => typeof each === 'string' && isModern(each))
  )
}
