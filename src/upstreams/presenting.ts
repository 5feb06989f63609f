// Owns our own requests with what is presented in them: what is bound to a key comes with a proof, and once more where that lacks a nonce.

import { discard } from '../http/answer-body.ts'
import type { Connections, IncomingAnswer, OutgoingRequest } from '../http/connections.ts'
import { wantsNonce } from '../oauth/wanted-nonce.ts'
import { type Credential, proverOf } from './credentials.ts'

/** `outgoing` has the header of the credential already; see legacy/http-headers.ts. */
export async function send(
  connections: Connections,
  outgoing: OutgoingRequest,
  credential: Credential,
): Promise<IncomingAnswer> {
  const prover = proverOf(credential)
  if (prover === undefined) return connections.request(outgoing)
  const { method, url, headers } = outgoing
  const ask = async () => {
    const proof = prover.prove(method, url)
    const answer = await connections.request({ ...outgoing, headers: { ...headers, dpop: proof } })
    prover.heard(answer.headers['dpop-nonce'])
    return answer
  }
  const answer = await ask()
  if (!wantsNonce(answer.status, answer.headers['www-authenticate'])) return answer
  await discard(answer.body)
  return ask()
}

/** The same for who makes requests without knowing of credentials. */
export function presenting(connections: Connections, credential: Credential): Connections {
  return { ...connections, request: (outgoing) => send(connections, outgoing, credential) }
}
