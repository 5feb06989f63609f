// Owns how the bundled demo upstream is started.

export interface DemoUpstreamOptions {
  readonly host?: string
  /** 0, the default, takes any free port. */
  readonly port?: number
}

export interface DemoUpstream {
  /** Of the MCP endpoint. */
  readonly url: string
  /** Ends every stream and session, then stops listening. */
  close(): Promise<void>
}

export async function startDemoUpstream(options: DemoUpstreamOptions = {}): Promise<DemoUpstream> {
  // Loaded on demand: whoever runs without the demo upstream does not wait for the MCP library.
  const [{ createDemoEndpoint }, { listen }] = await Promise.all([
    import('./upstream.ts'),
    import('./listen.ts'),
  ])
  return listen(createDemoEndpoint(), options.host ?? '127.0.0.1', options.port ?? 0)
}
