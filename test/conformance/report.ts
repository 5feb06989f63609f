// Owns what a person reads of a run: a table, every problem, and one last line.

import type { Row } from './comparison.ts'

export interface Section {
  readonly title: string
  readonly rows: readonly Row[]
}

export function formatSection({ title, rows }: Section): string {
  const width = Math.max(...rows.map(({ scenario }) => scenario.length))
  const bareWidth = Math.max(...rows.map(({ bare }) => bare.length))
  const lines = rows.map((row) => {
    const name = row.scenario.padEnd(width)
    const note = row.required ? '' : '  (not scored)'
    return `  ${mark(row)} ${name}  ${row.bare.padEnd(bareWidth)}  ${row.gateway}${note}`
  })
  const problems = rows.flatMap(({ scenario, problems }) =>
    problems.map((text) => `    ${scenario}: ${text}`),
  )
  const explained = rows.flatMap(({ scenario, explained: texts = [] }) =>
    texts.map((text) => `    ${scenario} differs on purpose: ${text}`),
  )
  return [title, ...lines, ...explained, ...problems, ''].join('\n')
}

export function formatTotals(sections: readonly Section[]): string {
  const { passed, failed } = totalsOf(sections)
  return `${passed} passed, ${failed} failed`
}

export function totalsOf(sections: readonly Section[]): { passed: number; failed: number } {
  const rows = sections.flatMap((section) => section.rows)
  return {
    passed: rows.reduce((sum, row) => sum + row.passed, 0),
    failed: rows.reduce((sum, row) => sum + row.problems.length, 0),
  }
}

function mark({ problems, required }: Row): string {
  if (problems.length > 0) return '✗'
  return required ? '✓' : '·'
}
