// Owns the login of an upstream as an operator writes it down: what the suite hands out to a client, in our configuration.

import * as z from 'zod'

/** Of the suite, for some scenarios: who is registered by hand, and what a platform or an identity provider has given. */
export const handedOut = z.object({
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  private_key_pem: z.string().optional(),
  signing_algorithm: z.string().optional(),
  valid_jwt: z.string().optional(),
  idp_client_id: z.string().optional(),
  idp_id_token: z.string().optional(),
  idp_token_endpoint: z.string().optional(),
})

export type HandedOut = z.output<typeof handedOut>

/** What an operator knows of the upstream `url` beside what was handed out. */
export interface Known {
  readonly url: string
  /** Where a platform writes what the workload is. */
  readonly workloadFile: string
}

export async function authFor(
  scenario: string,
  given: HandedOut,
  { url, workloadFile }: Known,
): Promise<object> {
  const { client_id, client_secret, private_key_pem: private_key, signing_algorithm } = given
  const client = { client_id, client_secret }
  switch (scenario) {
    case 'auth/client-credentials-basic':
      return { type: 'oauth2', grant: 'client_credentials', ...client }
    case 'auth/client-credentials-jwt':
      return { type: 'oauth2', grant: 'client_credentials', client_id, private_key, signing_algorithm }
    case 'auth/wif-jwt-bearer':
      return { type: 'oauth2', grant: 'jwt-bearer', client_id, assertion_file: workloadFile }
    case 'auth/enterprise-managed-authorization': {
      const { idp_client_id, idp_token_endpoint: token_endpoint } = given
      const identity_provider = { token_endpoint, client_id: idp_client_id }
      return { type: 'id-jag', issuer: await issuerOf(url), ...client, identity_provider }
    }
    default:
      return { type: 'oauth2', ...client }
  }
}

const described = z.object({ authorization_servers: z.tuple([z.string()], z.string()) })

/** As the upstream itself says it; an operator would look there, too. */
async function issuerOf(url: string): Promise<string> {
  const { origin, pathname } = new URL(url)
  const answer = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`)
  const [issuer] = described.parse(await answer.json()).authorization_servers
  return issuer
}
