// Owns what the pages see of a device that waits for a person (RFC 8628 §3.3): who asks, and the way into the ordinary flow.

import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from 'oidc-provider'
import type { Audit } from '../ops/audit.ts'
import { text } from './consent-grant.ts'
import { setCookie } from './cookies.ts'
import { type DescribedRequest, describeRequest, type InteractionClient } from './described-request.ts'
import { DEVICE_PATH } from './device-flow.ts'
import { INTERACTION_TTL_SECONDS } from './lifetimes.ts'
import type { Resources } from './resources.ts'

export type { DeviceOutcome } from './device-flow.ts'

export interface PendingDevice extends DescribedRequest {
  /** As the device shows it. */
  readonly userCode: string
  readonly client: InteractionClient
  readonly askedFrom: DeviceOrigin
}

/** Where the device's request came from. */
export interface DeviceOrigin {
  readonly ip: string
  readonly userAgent: string
  readonly at: Date
}

export type FoundDevice =
  | { readonly kind: 'pending'; readonly device: PendingDevice }
  /** Never given out, or too long ago. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'expired' }
  /** Somebody has allowed or refused it. */
  | { readonly kind: 'answered' }

export interface Devices {
  /** The request behind a code, however the person typed it. */
  find(userCode: string): Promise<FoundDevice>
  /** Leads into signing in and consent. Null: it is no longer pending. */
  proceed(request: FastifyRequest, reply: FastifyReply, userCode: string): Promise<string | null>
  /** The device learns `access_denied`. False: it is no longer pending. */
  refuse(userCode: string): Promise<boolean>
}

export interface DeviceNeeds {
  readonly provider: () => Provider
  readonly issuer: string
  readonly resources: Resources
  readonly audit: Pick<Audit, 'consentDenied'>
}

type DeviceCode = NonNullable<Awaited<ReturnType<Provider['DeviceCode']['findByUserCode']>>>

export function createDevices({ provider, issuer, resources, audit }: DeviceNeeds): Devices {
  const load = (userCode: string) =>
    provider().DeviceCode.findByUserCode(normalise(userCode), { ignoreExpiration: true })
  const loadPending = async (userCode: string) => {
    const code = await load(userCode)
    return code && stateOf(code) === 'pending' ? code : null
  }

  return {
    async find(userCode) {
      const code = await load(userCode)
      const state = code ? stateOf(code) : 'unknown'
      if (!code || state !== 'pending') return { kind: state === 'pending' ? 'unknown' : state }
      const client = await provider().Client.find(code.clientId ?? '')
      if (!client) return { kind: 'unknown' }
      const described = describeRequest(client, code.params ?? {}, resources)
      if (described.client === null) return { kind: 'unknown' }
      return {
        kind: 'pending',
        device: {
          ...described,
          client: described.client,
          userCode: spell(code.userCode),
          askedFrom: originOf(code),
        },
      }
    },

    async proceed(request, reply, userCode) {
      const code = await loadPending(userCode)
      return code && beginInteraction({ provider: provider(), issuer }, request, reply, code)
    },

    async refuse(userCode) {
      const code = await loadPending(userCode)
      if (!code) return false
      Object.assign(code, { error: 'access_denied', errorDescription: 'The person did not agree' })
      await code.save()
      audit.consentDenied({ userId: null, clientId: code.clientId ?? '' })
      return true
    },
  }
}

/** RFC 8628 §6.1: in any case, with or without the dash, and whatever else people put between letters. */
function normalise(userCode: string): string {
  return userCode.toUpperCase().replace(/[^A-Z]/g, '')
}

export function spell(userCode: string): string {
  return `${userCode.slice(0, 4)}-${userCode.slice(4)}`
}

function stateOf(code: DeviceCode): 'pending' | 'answered' | 'expired' {
  if (code.error !== undefined || code.accountId !== undefined) return 'answered'
  return code.isExpired ? 'expired' : 'pending'
}

export function originOf({ deviceInfo, iat }: DeviceCode): DeviceOrigin {
  return { ip: text(deviceInfo?.ip), userAgent: text(deviceInfo?.userAgent), at: new Date((iat ?? 0) * 1000) }
}

/**
 * oidc-provider takes a device's request up where an interaction of it ends, so the way in is an interaction in which
 * nothing was answered yet: it asks for whatever is missing, sign-in or consent, as for any other request.
 */
export async function beginInteraction(
  { provider, issuer }: { readonly provider: Provider; readonly issuer: string },
  request: FastifyRequest,
  reply: FastifyReply,
  code: DeviceCode,
): Promise<string> {
  const uid = randomBytes(16).toString('base64url')
  const path = `${DEVICE_PATH}/${uid}`
  const interaction = Object.assign(new provider.Interaction(), {
    jti: uid,
    cid: uid,
    returnTo: issuer + path,
    prompt: { name: 'login', reasons: [], details: {} },
    params: code.params ?? {},
    deviceCode: code.jti,
    trusted: [],
  })
  await interaction.save(INTERACTION_TTL_SECONDS)
  setCookie({ provider, issuer }, request, reply, {
    name: 'resume',
    value: uid,
    path,
    expires: new Date(Date.now() + INTERACTION_TTL_SECONDS * 1000),
  })
  return path
}
