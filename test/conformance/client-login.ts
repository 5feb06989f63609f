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

/** `workloadFile`: where a platform writes what the workload is. */
export function authFor(scenario: string, given: HandedOut, workloadFile: string): object {
  const { client_id, client_secret, private_key_pem: private_key, signing_algorithm } = given
  const client = { client_id, client_secret }
  switch (scenario) {
    case 'auth/client-credentials-basic':
      return { type: 'oauth2', grant: 'client_credentials', ...client }
    case 'auth/client-credentials-jwt':
      return { type: 'oauth2', grant: 'client_credentials', client_id, private_key, signing_algorithm }
    case 'auth/wif-jwt-bearer':
      return { type: 'oauth2', grant: 'jwt-bearer', client_id, assertion_file: workloadFile }
    default:
      return { type: 'oauth2', ...client }
  }
}
