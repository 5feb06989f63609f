// Owns connections that are made without a browser on this machine: a code to enter on another one, and waiting for it.

import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import type { OAuth2Auth } from '../../oauth/upstream-auth.ts'
import { awaitDevice, startDevice } from '../oauth/device.ts'
import { discover } from '../oauth/discovery.ts'
import { whyFor } from '../oauth/failure.ts'
import { identify, type RegistrationNeeds } from '../oauth/registration.ts'
import type { Granted } from '../oauth/tokens.ts'
import type { DeviceLogin, Finished } from './port.ts'
import { type LoginSecret, loginSecret } from './secret.ts'

export interface DeviceNeeds extends RegistrationNeeds {
  readonly fetch: GuardedFetch
  readonly redirectUri: string
  readonly report: (error: unknown, upstream: string) => void
  readonly keep: (secret: string, granted: Granted) => Promise<void>
}

/** Rejects with an OAuthFailure. */
export async function beginDevice(
  { name, place, auth }: { readonly name: string; readonly place: string; readonly auth: OAuth2Auth },
  needs: DeviceNeeds,
): Promise<DeviceLogin> {
  const { fetch, redirectUri, report, keep } = needs
  const server = await discover(place, auth, fetch)
  const client: LoginSecret['client'] = await identify(server, auth, { redirectUri, isDevice: true }, needs)
  const started = await startDevice(server, client, auth, fetch)

  async function wait(signal: AbortSignal): Promise<Finished> {
    try {
      const granted = await awaitDevice(started, fetch, signal)
      await keep(loginSecret(granted, server, client), granted)
      return { kind: 'connected', upstream: name }
    } catch (error) {
      report(error, name)
      return { kind: 'failed', upstream: name, why: whyFor(error) }
    }
  }

  const { verificationUri, verificationUriComplete, userCode, expiresInSeconds } = started
  return { verificationUri, verificationUriComplete, userCode, expiresInSeconds, wait }
}
