// Owns how each connection is renewed: by the refresh token of a person's login, or by logging in as ourselves once more.

import type { OAuth2Auth } from '../../oauth/upstream-auth.ts'
import type { NewSecret, StoredConnection } from '../../storage/upstream-connection-row.ts'
import { fetchFor } from '../named-origins.ts'
import { ClientRefused, LoginEnded, LoginRefused } from '../oauth/failure.ts'
import type { LoginClient } from '../oauth/registration.ts'
import type { Reach } from '../oauth/token-endpoint.ts'
import { renew } from '../oauth/tokens.ts'
import { isOurOwn, type Wanting } from './binding.ts'
import { grantToOurselves } from './own-grant.ts'
import type { Again } from './renewal.ts'
import { readSecret, renewedSecret, writeSecret } from './secret.ts'

export interface AgainNeeds extends Reach {
  /** A registration that the server does not know any more: the next login makes a new one. */
  readonly forgetClient: (registrationId: string) => Promise<void>
}

export function againFor(upstream: Wanting, { fetch, ...others }: AgainNeeds): Again {
  const { auth } = upstream
  const needs = { ...others, fetch: fetchFor(upstream, fetch) }
  const place = 'url' in upstream ? upstream.url : null
  if (auth.type === 'oauth2' && isOurOwn(upstream))
    return async (connection) => {
      if (place === null) throw new LoginRefused('It has no address. Set url.')
      return grantToOurselves({ upstream, place, auth }, connection, needs)
    }
  return (connection) => refresh(connection, auth.type === 'oauth2' ? auth : null, needs)
}

async function refresh(
  { secret: sealed, scopes: had }: StoredConnection,
  auth: OAuth2Auth | null,
  needs: AgainNeeds,
): Promise<NewSecret> {
  const secret = readSecret(sealed)
  if (secret?.kind !== 'login' || secret.refreshToken === null)
    throw new LoginEnded('The login has run out, and there is nothing to renew it with.')
  const { server, client, refreshToken, key } = secret
  const granted = await renew(server, asConfigured(client, auth), refreshToken, needs, key).catch((error) =>
    withoutClient(client, error, needs),
  )
  const scopes = granted.scopes.size > 0 ? granted.scopes : had
  return { secret: writeSecret(renewedSecret(secret, granted)), scopes, goodUntil: granted.goodUntil }
}

/**
 * A refresh token belongs to the client that it was given to (RFC 6749 §6), so it ends with a registration that is gone. Who is
 * configured can be let in again, with the secret that is right.
 */
async function withoutClient(
  { registrationId }: LoginClient,
  error: unknown,
  { forgetClient }: AgainNeeds,
): Promise<never> {
  if (!(error instanceof ClientRefused) || registrationId === null) throw error
  await forgetClient(registrationId)
  throw new LoginEnded(error.message, error)
}

/** The same client may have got another secret, or a key instead of one, since the login was made. */
function asConfigured(client: LoginClient, auth: OAuth2Auth | null): LoginClient {
  if (auth === null || auth.clientId !== client.clientId) return client
  return { ...client, clientSecret: auth.clientSecret, key: auth.clientKey }
}
