// Owns the authorization server of a guarded upstream: oidc-provider in one of the manners, with a login page of one button.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { exportJWK, generateKeyPair } from 'jose'
import { type Configuration, Provider } from 'oidc-provider'
import * as z from 'zod'
import { createMemoryAdapter } from '../memory-adapter.ts'
import { createBoundTokens } from './bound-tokens.ts'
import { isOpen, type Manner, STATIC_CLIENT } from './manners.ts'

export interface GuardedAuthorizationServer {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** Whose token this is, when it is good for the MCP server. */
  accountOf(req: IncomingMessage): Promise<string | null>
  challenge(req: IncomingMessage, res: ServerResponse): void
  /**
   * What a test wants to happen: `end=access`, `end=grants` (with all their tokens), `access=<seconds>` that access tokens
   * live, `nonce=<text>` that proofs have to name at the MCP server, and at the token endpoint `fail=<status>` (repeating the request in the answer), `delay=<ms>`, `lose=<times>`: carried out, and the answer is lost,
   * and `clients=unknown`: nobody is let in.
   */
  control(wishes: URLSearchParams): Promise<void>
  counts(): Counts
  /** Every token that was given, and the secrets of registered clients. */
  secrets(): readonly string[]
}

export interface Counts {
  readonly registrations: number
  readonly refreshes: number
  readonly exchanges: number
  readonly revocations: number
  /** What the token endpoint was told to answer with, or had to. */
  readonly refused: number
  /** Requests of the token endpoint that waited, or still do. */
  readonly delayed: number
}

const given = z
  .object({ access_token: z.string(), refresh_token: z.string() })
  .transform(({ access_token, refresh_token }) => [access_token, refresh_token])

const WELL_KNOWN = /^\/\.well-known\//
const RESOURCE_METADATA = '/.well-known/oauth-protected-resource/mcp'
const DEFAULT_ACCESS_SECONDS = 3600
const DEVICE_PATH = '/device/code'
/** RFC 8628 §3.2; without it five seconds, which are for people. */
const POLL_SECONDS = 0.2

export async function createAuthorizationServer(
  origin: string,
  manner: Manner,
): Promise<GuardedAuthorizationServer> {
  const resource = `${origin}/mcp`
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'guarded' }
  const state = {
    accessSeconds: DEFAULT_ACCESS_SECONDS,
    fail: 0,
    delay: 0,
    lose: 0,
    endedBefore: 0,
    clients: 'known',
  }
  const grants = new Set<string>()
  const counts = { registrations: 0, refreshes: 0, exchanges: 0, revocations: 0, refused: 0, delayed: 0 }
  const provider = new Provider(origin, configuration(manner, resource, key, state))
  provider.proxy = false
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.path === DEVICE_PATH && ctx.status === 200)
      Object.assign(Object(ctx.body), { interval: POLL_SECONDS })
  })
  const callback = provider.callback()
  const secrets = new Set<string>()
  provider.on('registration_create.success', (_ctx, { clientSecret }) => {
    counts.registrations++
    if (clientSecret) secrets.add(clientSecret)
  })
  provider.on('grant.success', ({ oidc, body }) => {
    for (const token of given.parse(body)) secrets.add(token)
    if (oidc.entities.Grant) grants.add(oidc.entities.Grant.jti)
    if (oidc.params?.grant_type === 'refresh_token') counts.refreshes++
    else counts.exchanges++
  })
  provider.on('grant.error', () => void counts.refused++)
  provider.on('access_token.destroyed', () => void counts.revocations++)
  provider.on('refresh_token.destroyed', () => void counts.revocations++)

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname } = new URL(req.url ?? '/', origin)
    if (pathname === RESOURCE_METADATA && manner !== 'static') return describe(res, resource, origin)
    if (manner === 'static' && WELL_KNOWN.test(pathname)) return void res.writeHead(404).end()
    if (pathname.startsWith('/interaction/')) return interact(provider, req, res, resource)
    if (pathname === '/token' && (await isOut(req, res))) return
    if (pathname === '/token' && state.lose-- > 0) Object.assign(res, { end: () => res.destroy() })
    await callback(req, res)
  }

  async function isOut(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
    counts.delayed += Number(state.delay > 0)
    if (state.delay > 0) await new Promise((resolve) => setTimeout(resolve, state.delay))
    if (state.clients !== 'known') {
      counts.refused++
      res.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"invalid_client"}')
      return true
    }
    if (state.fail > 0) res.writeHead(state.fail).end(`I did not understand: ${await text(req)}`)
    // Who left meanwhile gets nothing, and nothing was done.
    return state.fail > 0 || res.destroyed
  }

  async function endGrants(): Promise<void> {
    for (const id of grants) await (await provider.Grant.find(id))?.destroy()
  }

  const bound = createBoundTokens()
  const lackingNonce = new WeakSet<IncomingMessage>()

  async function presentedIn(req: IncomingMessage) {
    if (manner !== 'bound') {
      const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1]
      return token === undefined ? null : { token, jkt: undefined }
    }
    const proven = await bound.check(req, resource)
    if ('token' in proven) return proven
    if (proven.wantsNonce) lackingNonce.add(req)
    return null
  }

  async function accountOf(req: IncomingMessage): Promise<string | null> {
    const presented = await presentedIn(req)
    const found = presented === null ? undefined : await provider.AccessToken.find(presented.token)
    if (!found?.isValid || found.jkt !== presented?.jkt || (found.iat ?? 0) < state.endedBefore) return null
    if (isOpen(manner) && found.aud !== resource) return null
    return found.accountId
  }

  function challenge(req: IncomingMessage, res: ServerResponse): void {
    const scheme = manner === 'bound' ? 'DPoP algs="ES256",' : 'Bearer'
    const error = lackingNonce.has(req) ? ' error="use_dpop_nonce",' : ''
    const metadata = manner === 'static' ? '' : ` resource_metadata="${origin}${RESOURCE_METADATA}",`
    if (bound.nonce !== null) res.setHeader('dpop-nonce', bound.nonce)
    res.writeHead(401, { 'www-authenticate': `${scheme}${error}${metadata} scope="tools"` }).end()
  }

  return {
    handle,
    accountOf,
    challenge,
    async control(wishes) {
      const seconds = Number(wishes.get('access') ?? state.accessSeconds)
      Object.assign(state, {
        accessSeconds: seconds,
        fail: Number(wishes.get('fail') ?? state.fail),
        delay: Number(wishes.get('delay') ?? state.delay),
        clients: wishes.get('clients') ?? state.clients,
        lose: Number(wishes.get('lose') ?? state.lose),
      })
      if (wishes.has('nonce')) bound.nonce = wishes.get('nonce')
      if (wishes.get('end') === 'grants') await endGrants()
      // Tokens say whole seconds.
      if (wishes.has('end')) state.endedBefore = Math.floor(Date.now() / 1000) + 1
    },
    counts: () => ({ ...counts }),
    secrets: () => [...secrets],
  }
}

function configuration(
  manner: Manner,
  resource: string,
  key: object,
  state: { readonly accessSeconds: number },
): Configuration {
  const known = {
    client_id: STATIC_CLIENT.id,
    client_secret: STATIC_CLIENT.secret,
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code' as const],
    token_endpoint_auth_method: 'client_secret_post' as const,
    redirect_uris: [process.env.CALLBACK ?? 'http://localhost/connect/-/callback'],
    id_token_signed_response_alg: 'ES256' as const,
  }
  return {
    adapter: createMemoryAdapter(),
    jwks: { keys: [{ ...key }] },
    clients: isOpen(manner) ? [] : [known],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes: ['openid', 'offline_access', 'tools'],
    cookies: { keys: ['guarded'] },
    routes: {
      authorization: '/authorize',
      token: '/token',
      registration: '/register',
      revocation: '/revoke',
      device_authorization: DEVICE_PATH,
      code_verification: '/device',
    },
    responseTypes: ['code'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    expiresWithSession: async () => false,
    pkce: { required: () => true },
    ttl: {
      AccessToken: () => state.accessSeconds,
      RefreshToken: 86400,
      Grant: 86400,
      Session: 3600,
      Interaction: 600,
    },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      deviceFlow: { enabled: true },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => manner === 'bound' },
      registration: { enabled: isOpen(manner), issueRegistrationAccessToken: false },
      resourceIndicators: {
        enabled: isOpen(manner),
        defaultResource: () => resource,
        useGrantedResource: async () => true,
        getResourceServerInfo: () => ({ scope: 'tools', audience: resource, accessTokenFormat: 'opaque' }),
      },
    },
  }
}

function describe(res: ServerResponse, resource: string, origin: string): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      resource,
      authorization_servers: [origin],
      scopes_supported: ['tools'],
      bearer_methods_supported: ['header'],
    }),
  )
}

/** One page, one button; whoever presses it is carol, unless the form says another name. */
async function interact(
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
  resource: string,
): Promise<void> {
  if (req.method !== 'POST') {
    const page = `<!doctype html><title>Guarded login</title><form method="post"><input name="name" value="carol"><button name="answer" value="yes">Log in</button><button name="answer" value="no">Refuse</button></form>`
    res.writeHead(200, { 'content-type': 'text/html' }).end(page)
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  const form = new URLSearchParams(Buffer.concat(chunks).toString())
  if (form.get('answer') === 'no') {
    const refusal = { error: 'access_denied', error_description: 'planted text of the server' }
    return provider.interactionFinished(req, res, refusal)
  }
  const { params, prompt, session } = await provider.interactionDetails(req, res)
  const accountId = session?.accountId ?? form.get('name') ?? 'carol'
  const grant = new provider.Grant({ accountId, clientId: String(params.client_id) })
  grant.addOIDCScope('openid offline_access tools')
  grant.addResourceScope(resource, 'tools')
  const grantId = await grant.save()
  const result = { login: { accountId }, consent: { grantId } }
  await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: prompt.name !== 'login' })
}
