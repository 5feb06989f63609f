// Owns the page where a person types the code that a device shows (RFC 8628 §3.3), and the question whether it is theirs.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Devices } from '../authorization-server/devices.ts'
import { fieldOf } from '../http/csrf.ts'
import type { Pages } from '../http/pages.ts'
import type { Audit } from '../ops/audit.ts'
import type { CodeGuesses } from './code-guesses.ts'
import { codeProblem, confirmView, DEVICE_ACTION, entryView, outcomePage } from './device-view.ts'

export interface DevicePageNeeds {
  readonly devices: Devices
  readonly pages: Pages
  readonly guesses: CodeGuesses
  readonly audit: Pick<Audit, 'deviceCodesThrottled'>
}

/** Longer than any spelling of a code. */
const LONGEST_CODE = 40
/** Eight letters of those that spell no words (RFC 8628 §6.1), however they are set apart. */
const CODE = /^[\s-]*(?:[bcdfghjklmnpqrstvwxz][\s-]*){8}$/i

export async function devicePages(app: FastifyInstance, needs: DevicePageNeeds): Promise<void> {
  const { pages } = needs

  // RFC 8628 §3.3.1: a link can carry the code. It is only filled in: looking it up takes a person.
  app.get(DEVICE_ACTION, async (request, reply) =>
    pages.render(reply, 'device', entryView(linkedCode(request.query))),
  )

  app.post(DEVICE_ACTION, { preHandler: pages.checkCsrf }, async (request, reply) => {
    const userCode = codeOf(request.body)
    if (userCode.trim() === '') return askAgain(pages, reply, userCode, 'Enter the code.')
    const guess = await needs.guesses.admit(request.ip)
    if (guess.kind === 'wait') return letWait(request, reply, guess.seconds, needs)

    const found = await needs.devices.find(userCode)
    if (found.kind !== 'pending') return askAgain(pages, reply, userCode, codeProblem(found.kind))
    await guess.right()
    return (
      answer(request, reply, userCode, needs) ??
      pages.render(reply, 'device-confirm', confirmView(found.device))
    )
  })
}

/** Null while the person has not said yet whether the device is theirs. */
function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  userCode: string,
  needs: DevicePageNeeds,
): Promise<FastifyReply> | null {
  const decision = fieldOf(request.body, 'decision')
  if (decision === undefined) return null
  return decision === 'continue' ? goOn(request, reply, userCode, needs) : refuse(reply, userCode, needs)
}

async function goOn(
  request: FastifyRequest,
  reply: FastifyReply,
  userCode: string,
  { devices, pages }: DevicePageNeeds,
): Promise<FastifyReply> {
  const next = await devices.proceed(request, reply, userCode)
  if (next === null) return askAgain(pages, reply, userCode, codeProblem('answered'))
  return reply.header('cache-control', 'no-store').redirect(next, 303)
}

async function refuse(
  reply: FastifyReply,
  userCode: string,
  { devices, pages }: DevicePageNeeds,
): Promise<FastifyReply> {
  const refused = await devices.refuse(userCode)
  const { status, view } = outcomePage({ kind: refused ? 'refused' : 'answered' })
  return pages.render(reply, 'message', view, { status })
}

/** Not 401, which speaks of a challenge (RFC 9110 §15.5.2). */
function askAgain(pages: Pages, reply: FastifyReply, userCode: string, problem: string) {
  return pages.render(reply, 'device', entryView(userCode, problem), { status: 422 })
}

function letWait(
  request: FastifyRequest,
  reply: FastifyReply,
  seconds: number,
  { pages, audit }: DevicePageNeeds,
) {
  audit.deviceCodesThrottled({ ip: request.ip, seconds })
  reply.header('retry-after', String(seconds))
  const view = { ...entryView(codeOf(request.body)), retryAfterSeconds: seconds }
  return pages.render(reply, 'device', view, { status: 429 })
}

/** A link may come from anybody, so that it fills in nothing that is not a code: it could be a message. */
function linkedCode(query: unknown): string {
  const userCode = codeOf(query)
  return CODE.test(userCode) ? userCode : ''
}

function codeOf(source: unknown): string {
  return (fieldOf(source, 'user_code') ?? '').slice(0, LONGEST_CODE)
}
