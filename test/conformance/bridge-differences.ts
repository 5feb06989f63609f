// Owns what cannot be the same at an upstream of the other era, and why. Whatever else differs is a mistake of the bridge.

import type { Row } from './comparison.ts'

export interface Difference {
  readonly scenario: string
  readonly checks: readonly string[]
  readonly why: string
}

export const DIFFERENCES: Readonly<Record<string, readonly Difference[]>> = {
  '2025-11-25': [
    {
      scenario: 'server-sse-multiple-streams',
      checks: ['server-sse-streams-functional'],
      why: 'an answer that comes at once is JSON, and the check counts streams',
    },
    {
      scenario: 'server-sse-polling',
      checks: ['server-sse-priming-event', 'server-sse-retry-field', 'server-sse-disconnect-resume'],
      why: 'a modern upstream has no stream that it could close to be polled',
    },
  ],
  '2026-07-28': [
    {
      scenario: 'server-stateless',
      checks: ['sep-2575-server-rejects-undeclared-capability', 'sep-2575-missing-capability-http-400'],
      why: 'a legacy tool does not say beforehand what it will ask; it is told that the client cannot do it',
    },
    {
      scenario: 'input-required-result-basic-elicitation',
      checks: ['sep-2322-elicitation-incomplete', 'sep-2322-elicitation-complete'],
      why: 'the check wants a key of its own choice; a legacy question has no key, so Gatehouse makes one',
    },
    {
      scenario: 'input-required-result-missing-input-response',
      checks: ['sep-2322-missing-response-rerequests'],
      why: 'the check leaves the state out; without it the tool would run a second time',
    },
    {
      scenario: 'input-required-result-ignore-extra-params',
      checks: ['sep-2322-ignore-unexpected-params'],
      why: 'the check leaves the state out; without it the tool would run a second time',
    },
    {
      scenario: 'http-custom-header-server-validation',
      checks: [
        'sep-2243-server-decode-base64',
        'sep-2243-server-reject-invalid-param-chars',
        'sep-2243-server-reject-param-mismatch',
        'sep-2243-server-validate-param-match',
        'sep-2243-server-no-xmcp-tool',
      ],
      why: 'a legacy upstream sees no such headers, so no tool is offered that asks for them',
    },
  ],
}

/** The rows with the known differences set aside. One that is listed and does not occur is a problem: the list is wrong. */
export function explain(rows: readonly Row[], differences: readonly Difference[]): readonly Row[] {
  return rows.map((row) => {
    const known = differences.filter(({ scenario }) => scenario === row.scenario)
    const found = new Set<string>()
    const problems = row.problems.filter((problem) => {
      const check = known.flatMap(({ checks }) => checks).find((id) => isAbout(problem, id))
      if (check !== undefined) found.add(check)
      return check === undefined
    })
    const missing = known.flatMap(({ checks }) => checks).filter((check) => !found.has(check))
    return {
      ...row,
      problems: [...problems, ...missing.map((check) => `${check}: is the same after all`)],
      explained: known.map(({ checks, why }) => `${checks.join(', ')}: ${why}`),
    }
  })
}

/** An id that occurs several times is counted in parentheses. */
function isAbout(problem: string, check: string): boolean {
  return problem.startsWith(`${check}:`) || problem.startsWith(`${check} (`)
}
