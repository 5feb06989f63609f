// Owns the consent page: shows what is asked, and hands the answer back to the one place that decides.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Interactions, PendingInteraction } from '../authorization-server/interactions.ts'
import { EXPIRED_STATUS, expiredSignIn } from '../http/expired.ts'
import type { Pages } from '../http/pages.ts'
import type { Tools } from '../oauth/tool.ts'
import { readAnswer } from './choices.ts'
import { type AskedPerson, type ConsentInteraction, consentView } from './view.ts'

/** Who would get access: a person's account, by a client. */
export interface Asker {
  readonly accountId: string
  readonly clientId: string
}

export interface ConsentNeeds {
  readonly interactions: Pick<Interactions, 'find' | 'beginsAgainAt' | 'allow' | 'deny'>
  readonly pages: Pages
  /** The email address of an account; null when it is gone. */
  readonly emailOf: (accountId: string) => Promise<string | null>
  /** Begins the same request again with the question who is there; returns where to redirect. */
  readonly switchAccount: (request: FastifyRequest, reply: FastifyReply) => Promise<string>
  /** The tools that can be had behind an upstream; undefined when it does not tell, or not soon enough for a page. */
  readonly toolsOf?: (upstream: string, asker: Asker) => Promise<Tools | undefined>
}

const EXPIRED = { kind: 'expired', again: null } as const
const OTHER_ACCOUNT =
  'You signed in with another account in the meantime. Please look again: this is about the account below.'

export async function consent(app: FastifyInstance, needs: ConsentNeeds): Promise<void> {
  const { interactions, pages, switchAccount } = needs

  app.get('/consent/:uid', async (request, reply) => {
    const found = await find(request, reply, needs)
    return found.kind === 'ask' ? ask(reply, found, needs, null) : elsewhere(reply, found, pages)
  })

  app.get('/consent/:uid/switch', async (request, reply) => {
    const found = await find(request, reply, needs)
    if (found.kind !== 'ask') return elsewhere(reply, found, pages)
    return reply.redirect(await switchAccount(request, reply), 303)
  })

  app.post('/consent/:uid', { preHandler: pages.checkCsrf }, async (request, reply) => {
    const found = await find(request, reply, needs)
    if (found.kind !== 'ask') return elsewhere(reply, found, pages)
    const answer = readAnswer(request.body, found.person.id, found.interaction.requested)
    if (answer.kind === 'other-account') return ask(reply, found, needs, OTHER_ACCOUNT)
    const next =
      answer.kind === 'allow'
        ? interactions.allow(request, reply, answer.scopes)
        : interactions.deny(request, reply)
    return pages.proceed(reply, await next)
  })
}

interface Ask {
  readonly kind: 'ask'
  readonly interaction: ConsentInteraction
  readonly person: AskedPerson
}

type Found =
  | Ask
  | { readonly kind: 'sign-in'; readonly uid: string }
  | { readonly kind: 'expired'; readonly again: string | null }

async function find(request: FastifyRequest, reply: FastifyReply, needs: ConsentNeeds): Promise<Found> {
  const interaction = await needs.interactions.find(request, reply)
  if (interaction === null)
    return { kind: 'expired', again: await needs.interactions.beginsAgainAt(request, reply) }
  if (interaction.prompt !== 'consent') return { kind: 'sign-in', uid: interaction.uid }
  return isForClient(interaction) ? findPerson(interaction, needs) : EXPIRED
}

async function findPerson(interaction: ConsentInteraction, { emailOf }: ConsentNeeds): Promise<Found> {
  const id = interaction.accountId
  const email = id === null ? null : await emailOf(id)
  return id === null || email === null ? EXPIRED : { kind: 'ask', interaction, person: { id, email } }
}

/** Our own pages never ask for consent. */
function isForClient(interaction: PendingInteraction): interaction is ConsentInteraction {
  return interaction.client !== null
}

function elsewhere(reply: FastifyReply, found: Exclude<Found, Ask>, pages: Pages) {
  if (found.kind === 'sign-in') return reply.redirect(`/login/${found.uid}`, 303)
  return pages.render(reply, 'error', expiredSignIn(found.again), { status: EXPIRED_STATUS })
}

async function ask(
  reply: FastifyReply,
  { interaction, person }: Ask,
  { pages, toolsOf }: ConsentNeeds,
  notice: string | null,
) {
  const names = interaction.requested?.upstreams.map(({ name }) => name) ?? []
  const asker = { accountId: person.id, clientId: interaction.client.id }
  const tools = new Map(
    await Promise.all(names.map(async (name) => [name, await toolsOf?.(name, asker)] as const)),
  )
  const view = consentView({ interaction, person, tools, notice })
  return pages.render(reply, 'consent', view, { formAction: interaction.client.redirectSource })
}
