// Owns a channel in tests: opened, with everything that it tells written down, and closed with the test.

import type { PeerFailure } from '../../../src/mcp/peer.ts'
import type { Members } from '../../../src/mcp/rpc.ts'
import type { Channel, ChannelEvents, OpenChannel } from '../../../src/upstreams/legacy/channel.ts'
import type { Upstream } from '../../../src/upstreams/registry.ts'
import { until } from '../until.ts'

export interface Heard {
  readonly channel: Channel
  readonly messages: Members[]
  readonly failures: PeerFailure[]
  /** Sends a request and waits for what has its id. */
  ask(method: string, params?: object): Promise<Members>
}

export async function openChannel(
  open: OpenChannel,
  upstream: Upstream,
  signal = new AbortController().signal,
): Promise<Heard> {
  const messages: Members[] = []
  const failures: PeerFailure[] = []
  const events: ChannelEvents = {
    message: (message) => void messages.push(message),
    broken: (_, failure) => void failures.push(failure),
    closed: (failure) => void failures.push(failure),
  }
  const channel = await open({ upstream, credential: async () => ({ kind: 'none' }), events, signal })
  let last = 0
  return {
    channel,
    messages,
    failures,
    async ask(method, params = {}) {
      const id = ++last
      await channel.send({ jsonrpc: '2.0', id, method, params })
      const answer = () => messages.find((message) => message.id === id && !('method' in message))
      await until(`an answer to ${method}`, () => answer() !== undefined || failures.length > 0)
      return answer() ?? {}
    },
  }
}

export async function initialize({ ask, channel }: Heard): Promise<Members> {
  const answer = await ask('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  })
  await channel.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return answer
}
