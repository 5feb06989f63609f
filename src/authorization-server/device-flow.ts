// Owns the device authorization grant (RFC 8628) where oidc-provider leaves it open: how often a device may ask, and what the person sees at the end.

import type { IncomingMessage } from 'node:http'
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Counters } from '../http/throttle.ts'
import { hashToken } from '../storage/hash.ts'
import { text } from './consent-grant.ts'

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** Where a person types the code (RFC 8628 §3.3). */
export const DEVICE_PATH = '/device'
export const DEVICE_AUTHORIZATION_PATH = '/device/code'

/** RFC 8628 §3.2: how long a device waits before it asks again. */
const POLL_INTERVAL_SECONDS = 5
/** A device that keeps to the interval is a little early now and then. */
export const POLL_WINDOW_SECONDS = POLL_INTERVAL_SECONDS - 1

/** How a device's request ended, for the person who answered it. */
export type DeviceOutcome =
  | { readonly kind: 'connected'; readonly client: string }
  | { readonly kind: 'refused' | 'answered' | 'expired' | 'failed' }

const OUTCOMES: Readonly<Record<string, DeviceOutcome>> = {
  AbortedError: { kind: 'refused' },
  AlreadyUsedError: { kind: 'answered' },
  DeviceAnsweredError: { kind: 'answered' },
  ExpiredError: { kind: 'expired' },
  NotFoundError: { kind: 'expired' },
  SessionNotFound: { kind: 'expired' },
}

const waiting = new WeakMap<IncomingMessage, DeviceOutcome>()

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>

/** Eight of twenty letters: 34 bits, of which the throttle of guesses leaves more than 20 (RFC 8628 §5.1). */
export const deviceFlow: DeviceFlow = {
  enabled: true,
  charset: 'base-20',
  mask: '****-****',
  deviceInfo: (ctx) => ({ ip: ctx.ip, userAgent: ctx.get('user-agent') }),
  // The page for the code is ours (see devices.ts); oidc-provider comes here only when something went wrong later.
  userCodeInputSource(ctx, _form, _out, error) {
    const outcome = OUTCOMES[error?.name ?? '']
    leave(ctx, outcome ?? { kind: 'failed' })
    // It has put a secret for its own form into the session, which nobody needs and a session without a row cannot keep.
    if (ctx.oidc.session) Object.assign(ctx.oidc.session, { state: undefined, touched: false })
  },
  successSource(ctx) {
    leave(ctx, { kind: 'connected', client: ctx.oidc.client?.clientName ?? '' })
  },
}

function leave(ctx: KoaContextWithOIDC, outcome: DeviceOutcome): void {
  waiting.set(ctx.req, outcome)
  ctx.respond = false
}

/** What waits to be shown for this request, if anything does. */
export function takeDeviceOutcome(request: IncomingMessage): DeviceOutcome | null {
  const outcome = waiting.get(request) ?? null
  waiting.delete(request)
  return outcome
}

/**
 * RFC 8628 §3.5: `slow_down` in place of `authorization_pending` for a device that asks too often, whichever replica it
 * asks. `polls` counts for POLL_WINDOW_SECONDS.
 */
export function paceDevices(provider: Provider, polls: Counters): void {
  provider.on('device_authorization.success', (_ctx, answer: object) =>
    Object.assign(answer, { interval: POLL_INTERVAL_SECONDS }),
  )
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.path !== '/token' || !isPending(ctx.body)) return
    const { consumedPoints } = await polls.penalty(hashToken(text(ctx.oidc.params?.device_code)))
    if (consumedPoints > 1) {
      const error_description = `wait ${POLL_INTERVAL_SECONDS} seconds longer between requests`
      ctx.body = { error: 'slow_down', error_description }
    }
  })
}

function isPending(body: unknown): boolean {
  return (
    typeof body === 'object' && body !== null && 'error' in body && body.error === 'authorization_pending'
  )
}
