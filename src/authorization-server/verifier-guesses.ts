// Owns how often a code may be tried with a wrong verifier (RFC 7636 §4.6): whoever has to guess it has somebody else's code.

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Counters } from '../http/throttle.ts'
import { hashToken } from '../storage/hash.ts'
import { text } from './consent-grant.ts'
import { TOKEN_PATH } from './lookups.ts'

/** A client that was confused once still gets its tokens; with the last of these the code is gone. */
const MOST_GUESSES = 10

/** `guesses` counts for as long as a code lives. */
export function limitVerifierGuesses(provider: Provider, guesses: Counters): void {
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.path !== TOKEN_PATH || ctx.status !== 400) return
    const code = await findGuessed(provider, ctx.oidc)
    if (!code) return
    const { consumedPoints } = await guesses.penalty(hashToken(text(ctx.oidc.params?.code)))
    if (consumedPoints >= MOST_GUESSES) await code.destroy()
  })
}

/** The client's own unspent code, which came with a verifier that it was not made for. Strangers to a code cannot use it up. */
async function findGuessed(provider: Provider, oidc: KoaContextWithOIDC['oidc'] | undefined) {
  const presented = text(oidc?.params?.code)
  if (presented === '' || !oidc?.client) return undefined
  const code = await provider.AuthorizationCode.find(presented)
  if (!code?.isValid || code.clientId !== oidc.client.clientId) return undefined
  return hashToken(text(oidc.params?.code_verifier)) === code.codeChallenge ? undefined : code
}
