// Owns what two replicas say to each other about a call that one of them holds and the other has the client for.

import * as z from 'zod'
import { parseUnrounded } from '../../mcp/exact-json.ts'
import { PeerFailure, type PeerFailureReason } from '../../mcp/peer.ts'

const members = z.record(z.string(), z.unknown())
const REASONS = [
  'unreachable',
  'timed_out',
  'credentials',
  'answer',
  'busy',
  'limited',
  'down',
  'lost',
] as const

const back = {
  from: z.string(),
  call: z.string(),
  round: z.number(),
  logLevel: z.string().nullable(),
  progressToken: z.union([z.string(), z.number()]).nullable(),
}

/** To the one that holds the call. `from` is where it answers, good for this one turn. */
const toHolder = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('resume'), ...back, responses: members }),
  /** The text of the responses, where it is too large for a message: part by part, and then `resume_parts`. */
  z.object({ kind: z.literal('part'), from: z.string(), text: z.string() }),
  z.object({ kind: z.literal('resume_parts'), ...back }),
  z.object({ kind: z.literal('here'), from: z.string() }),
  z.object({ kind: z.literal('left'), from: z.string() }),
])

/** To the one that has the client. A turn can be larger than a message, so its text comes in parts. */
const toVisitor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('here') }),
  z.object({ kind: z.literal('notify'), method: z.string(), params: members }),
  z.object({ kind: z.literal('part'), text: z.string(), last: z.boolean() }),
  z.object({ kind: z.literal('failed'), reason: z.enum(REASONS) }),
])

const error = z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() })
const turn = z.union([
  z.object({
    kind: z.literal('answer'),
    answer: z.union([
      z.object({ kind: z.literal('result'), result: members }),
      z.object({ kind: z.literal('error'), error }),
    ]),
    serverInfo: members.nullable(),
  }),
  z.object({
    kind: z.literal('asks'),
    asks: z.record(z.string(), z.object({ method: z.string(), params: members })),
    call: z.string(),
    round: z.number(),
  }),
])

export type ToHolder = z.infer<typeof toHolder>
export type Resume = Extract<ToHolder, { kind: 'resume' }>
export type ToVisitor = z.infer<typeof toVisitor>
export type TurnData = z.infer<typeof turn>

/** The largest turn that is carried from one replica to another. */
export const MAX_TURN_LENGTH = 16 * 1024 * 1024
/** Even where each character takes six bytes, a part is a message. */
const PART_LENGTH = 128 * 1024
/** A little less than what a message holds. */
const MAX_RESUME_BYTES = 900_000

/** Null for what it does not know: another replica may be of another version. */
export function readToHolder(message: unknown): ToHolder | null {
  return toHolder.safeParse(message).data ?? null
}

export function readToVisitor(message: unknown): ToVisitor | null {
  return toVisitor.safeParse(message).data ?? null
}

export function readTurn(text: string): TurnData {
  return turn.parse(parseUnrounded(text))
}

/** What is sent for it, in this order. Null for what is too large altogether. */
export function messagesOf(resume: Resume): readonly ToHolder[] | null {
  const { responses, ...others } = resume
  const text = JSON.stringify(responses)
  if (Buffer.byteLength(text) <= MAX_RESUME_BYTES) return [resume]
  if (text.length > MAX_TURN_LENGTH) return null
  const parts = slicesOf(text).map((slice) => ({ kind: 'part' as const, from: resume.from, text: slice }))
  return [...parts, { ...others, kind: 'resume_parts' }]
}

/** Throws for what is none. */
export function readResponses(text: string): Resume['responses'] {
  return members.parse(parseUnrounded(text))
}

export function partsOf(data: TurnData): readonly ToVisitor[] {
  const text = JSON.stringify(data)
  if (text.length > MAX_TURN_LENGTH) return [{ kind: 'failed', reason: 'answer' }]
  const slices = slicesOf(text)
  return slices.map((slice, at) => ({ kind: 'part' as const, text: slice, last: at === slices.length - 1 }))
}

function slicesOf(text: string): readonly string[] {
  const count = Math.ceil(text.length / PART_LENGTH)
  return Array.from({ length: count }, (_, at) => text.slice(at * PART_LENGTH, (at + 1) * PART_LENGTH))
}

export function reasonOf(failure: unknown): PeerFailureReason {
  return failure instanceof PeerFailure ? failure.reason : 'lost'
}
