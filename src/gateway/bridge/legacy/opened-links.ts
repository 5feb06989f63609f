// Owns the links that a person opened for a call: while the upstream waits for what they do there, they are not asked again.

import { isRecord, type Members } from '../../../mcp/rpc.ts'
import { isUrlMode, type Question } from './questions.ts'

/**
 * To open a link is not to be done there (MCP 2026-07-28, client/elicitation.mdx, "URL Mode Elicitation Requests"): clients of
 * that era let their person say when the call is to be made again. One of the era before waits for its answer, so it is made
 * again for it.
 */
export interface OpenedLinks {
  /** The questions without those links. */
  unopened(questions: readonly Question[]): readonly Question[]
  /** What was answered to those that are among the questions; they are waited for from now on. Null when one was for too long. */
  wait(questions: readonly Question[]): Members | null
  /** Takes note of the links among what was asked and answered. */
  remember(questions: readonly Question[], responses: Members): void
  /** The `elicitationId`s of links that were waited for and that nobody asks for any more; each is told once. */
  done(questions: readonly Question[]): readonly unknown[]
}

interface Opened {
  readonly response: unknown
  readonly elicitationId: unknown
  /** Milliseconds. */
  readonly at: number
  isWaitedFor: boolean
}

/** The page may have been closed again: then whoever called is told where to go, and calls again when they like. */
const LONGEST_WAIT_MS = 3 * 60 * 1000

export function createOpenedLinks(clock = () => performance.now()): OpenedLinks {
  const links = new Map<string, Opened>()

  return {
    unopened: (questions) => questions.filter((question) => !links.has(linkOf(question))),
    wait(questions) {
      const responses: Record<string, unknown> = {}
      for (const question of questions) {
        const opened = links.get(linkOf(question))
        if (opened === undefined) continue
        if (clock() - opened.at > LONGEST_WAIT_MS) return null
        opened.isWaitedFor = true
        responses[question.key] = opened.response
      }
      return responses
    },
    remember(questions, responses) {
      for (const question of questions.filter(isUrlMode)) {
        const response = responses[question.key]
        const { elicitationId } = question.params
        if (isRecord(response) && response.action === 'accept')
          links.set(linkOf(question), { response, elicitationId, at: clock(), isWaitedFor: false })
      }
    },
    done(questions) {
      const asked = new Set(questions.map(linkOf))
      const over = [...links].filter(([link, { isWaitedFor }]) => isWaitedFor && !asked.has(link))
      for (const [link] of over) links.delete(link)
      return over.map(([, { elicitationId }]) => elicitationId)
    },
  }
}

/** Without the query, which may be another one each time that an upstream asks. */
function linkOf({ key, params: { message, url } }: Question): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  return JSON.stringify([key, message, parsed === null ? url : parsed.origin + parsed.pathname])
}
