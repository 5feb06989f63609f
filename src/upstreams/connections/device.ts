// Owns connections that are made without a browser on this machine: a code to enter on another one, and waiting for it.

import { awaitDevice, startDevice } from '../oauth/device.ts'
import { discover } from '../oauth/discovery.ts'
import { whyFor } from '../oauth/failure.ts'
import { chooseKey, insistOnBinding } from '../oauth/key-binding.ts'
import { identify, type RegistrationNeeds } from '../oauth/registration.ts'
import type { Reach } from '../oauth/token-endpoint.ts'
import type { Granted } from '../oauth/tokens.ts'
import type { DeviceLogin, Finished } from './port.ts'
import { type LoginSecret, loginSecret } from './secret.ts'
import type { Target } from './targets.ts'

export interface DeviceNeeds extends RegistrationNeeds, Reach {
  readonly redirectUri: string
  readonly report: (error: unknown, upstream: string) => void
  readonly keep: (secret: string, granted: Granted) => Promise<void>
}

/** Rejects with an OAuthFailure. */
export async function beginDevice(
  { upstream, place, auth }: Omit<Target, 'redirectUri'>,
  needs: DeviceNeeds,
): Promise<DeviceLogin> {
  const { fetch, redirectUri, report, keep } = needs
  const { name } = upstream
  const server = await discover(place, auth, fetch)
  const client: LoginSecret['client'] = await identify(server, auth, { redirectUri, isDevice: true }, needs)
  const key = chooseKey(server, auth, upstream)
  const started = await startDevice(server, client, auth, needs, key)

  async function wait(signal: AbortSignal): Promise<Finished> {
    try {
      const granted = insistOnBinding(await awaitDevice(started, needs, signal), auth)
      await keep(loginSecret(granted, server, client, key), granted)
      return { kind: 'connected', upstream: name }
    } catch (error) {
      report(error, name)
      return { kind: 'failed', upstream: name, why: whyFor(error) }
    }
  }

  const { verificationUri, verificationUriComplete, userCode, expiresInSeconds } = started
  return { verificationUri, verificationUriComplete, userCode, expiresInSeconds, wait }
}
