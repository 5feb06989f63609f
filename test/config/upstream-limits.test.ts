// Owns the promises about the limits of one upstream: every form that is accepted, and that a misspelled one is none.

import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { UNLIMITED } from '../../src/oauth/allowance.ts'
import { problemsOfNotes, upstreamsOf } from './problems-of.ts'

const url = 'http://notes:3000/mcp'

t.test('an upstream says how much it takes, from all, from each, and for single tools', async (t) => {
  const limits = {
    rate: '100/s',
    calls: 50,
    streams: 20,
    perPerson: { rate: '60/m', calls: 5, streams: 2 },
    tools: { 'search_*': { rate: '10/m', perPerson: { calls: 1 } } },
    body: '1mb',
    connectTimeout: '5s',
    firstByteTimeout: '30m',
  }
  const [notes] = upstreamsOf({ notes: { url, limits } })
  t.same(notes?.limits, {
    total: { rate: { times: 100, seconds: 1 }, calls: 50, streams: 20 },
    perPerson: { rate: { times: 60, seconds: 60 }, calls: 5, streams: 2 },
    tools: [
      {
        tool: 'search_*',
        total: { ...UNLIMITED, rate: { times: 10, seconds: 60 } },
        perPerson: { ...UNLIMITED, calls: 1 },
      },
    ],
    maxBodyBytes: 1024 * 1024,
    connectTimeoutMs: 5000,
    firstByteTimeoutMs: 1_800_000,
  })
  const env = { UPSTREAM_NOTES_URL: url, UPSTREAM_NOTES_LIMITS: JSON.stringify(limits) }
  t.same(loadConfig(env).upstreams[0]?.limits, notes?.limits, 'and in a variable of its own')
})

t.test('what cannot be meant is named, with what can', async (t) => {
  for (const [limits, at, expected] of [
    ['10/s', 'notes.limits', /rate, calls, streams/],
    [{ rat: '1/s' }, 'notes.limits', /rate, calls, streams, perPerson, tools, body/],
    [{ rate: 10 }, 'notes.limits.rate', /10\/s/],
    [{ rate: '10/d' }, 'notes.limits.rate', /10\/s/],
    [{ calls: 0 }, 'notes.limits.calls', /1 or more/],
    [{ calls: '5' }, 'notes.limits.calls', /1 or more/],
    [{ streams: 1.5 }, 'notes.limits.streams', /1 or more/],
    [{ perPerson: { body: '1mb' } }, 'notes.limits.perPerson', /rate, calls, streams, and nothing else/],
    [{ tools: ['search'] }, 'notes.limits.tools', /names of tools/],
    [{ tools: { search: { streams: 1 } } }, 'notes.limits.tools.search', /rate, calls, perPerson/],
    [{ tools: { 'a b': { calls: 1 } } }, 'notes.limits.tools.a b', /names of tools/],
    [{ body: 100 }, 'notes.limits.body', /1mb/],
    [{ firstByteTimeout: '100ms' }, 'notes.limits.firstByteTimeout', /a duration from 1s/],
  ] as const) {
    t.match(
      problemsOfNotes({ url, limits }),
      [{ variable: 'UPSTREAMS', at, expected }],
      JSON.stringify(limits),
    )
  }
  t.same(problemsOfNotes({ url, limits: {} }), [])
})
