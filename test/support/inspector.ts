// Owns looking into a Node process from outside, once it was started with a port for its inspector.

import { setTimeout as delay } from 'node:timers/promises'

export interface Inspector {
  /** What is left after that is really needed. */
  collectGarbage(): Promise<void>
  /** The value of an expression, which has to be JSON. */
  evaluate(expression: string): Promise<unknown>
  close(): void
}

const PATIENCE_MS = 30_000
const LOOK_AGAIN_MS = 50

/** Node opens its inspector at SIGUSR1, on the port of `--inspect-port`, and does nothing for it before. */
export async function inspect(pid: number, port: number): Promise<Inspector> {
  process.kill(pid, 'SIGUSR1')
  const socket = new WebSocket(await findDebugger(port))
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  let asked = 0

  function ask(method: string, params: object = {}): Promise<unknown> {
    const id = ++asked
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const listen = ({ data }: MessageEvent) => {
      const answer = JSON.parse(String(data))
      if (answer.id !== id) return
      socket.removeEventListener('message', listen)
      resolve(answer.result?.result?.value)
    }
    socket.addEventListener('message', listen)
    socket.send(JSON.stringify({ id, method, params }))
    return promise
  }

  return {
    async collectGarbage() {
      // The second time takes what the first one only finalized.
      for (let time = 0; time < 2; time++) await ask('HeapProfiler.collectGarbage')
    },
    evaluate: async (expression) =>
      JSON.parse(String(await ask('Runtime.evaluate', { expression: `JSON.stringify(${expression})` }))),
    close: () => socket.close(),
  }
}

async function findDebugger(port: number): Promise<string> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const list = await fetch(`http://127.0.0.1:${port}/json/list`).catch(() => null)
    if (list) return JSON.parse(await list.text())[0].webSocketDebuggerUrl
    if (performance.now() > until) throw new Error(`No inspector answers at port ${port}.`)
    await delay(LOOK_AGAIN_MS)
  }
}
