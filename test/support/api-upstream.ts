// Owns an HTTP API as an upstream of tests: read-only and called "shop", but for what the settings say.

import { createUpstream, type OpenApiSettings, type OpenApiUpstream } from '../../src/upstreams/settings.ts'

export function apiUpstream(
  settings: Partial<OpenApiSettings> & Pick<OpenApiSettings, 'document'>,
): OpenApiUpstream {
  const plain = {
    kind: 'openapi',
    name: 'shop',
    title: 'Shop',
    url: null,
    headers: {},
    operations: [],
    writes: false,
  } as const
  const upstream = createUpstream({ ...plain, ...settings })
  if (upstream.kind !== 'openapi') throw new Error('not an API')
  return upstream
}
