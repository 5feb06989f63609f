// Owns the verdict on one run: what fails, and what the gateway makes different from the bare server.

import type { Check, Outcome } from './suite.ts'

export interface Row {
  readonly scenario: string
  /** Demanded by the revision; what is not may fail, as long as the gateway changes nothing. */
  readonly required: boolean
  readonly bare: string
  readonly gateway: string
  /** Checks that succeeded on both sides. */
  readonly passed: number
  readonly problems: readonly string[]
  /** Differences that have to be. */
  readonly explained?: readonly string[]
}

export function compare(bare: Outcome, gateway: Outcome, required: ReadonlySet<string>): readonly Row[] {
  const scenarios = new Set([...bare.keys(), ...gateway.keys(), ...required])
  return [...scenarios].map((scenario) =>
    compareScenario(scenario, bare.get(scenario), gateway.get(scenario), required.has(scenario)),
  )
}

/** Where there is nothing to compare with: every check of every expected scenario has to succeed. */
export function judge(outcome: Outcome, expected: ReadonlySet<string>): readonly Row[] {
  const scenarios = new Set([...outcome.keys(), ...expected])
  return [...scenarios].map((scenario) => judgeScenario(scenario, outcome.get(scenario)))
}

function judgeScenario(scenario: string, checks: readonly Check[] | undefined): Row {
  const row = { scenario, required: true, bare: '', gateway: tally(checks) }
  if (checks === undefined) return { ...row, passed: 0, problems: ['did not run'] }
  const others = [...verdicts(checks)].filter(([, check]) => check.status !== 'SUCCESS')
  const problems = others.map(([key, check]) => `${key}: ${check.status}${reasonOf(check)}`)
  return { ...row, passed: count(checks, 'SUCCESS'), problems }
}

function compareScenario(
  scenario: string,
  bare: readonly Check[] | undefined,
  gateway: readonly Check[] | undefined,
  required: boolean,
): Row {
  const sides = { bare: tally(bare), gateway: tally(gateway) }
  if (bare === undefined || gateway === undefined) {
    return { scenario, required, ...sides, passed: 0, problems: ['did not run'] }
  }
  const [before, after] = [verdicts(bare), verdicts(gateway)]
  const keys = new Set([...before.keys(), ...after.keys()])
  const problems = [...keys].flatMap((key) => problemOf(key, before.get(key), after.get(key), required))
  const passed = [...before].filter(([key, check]) => bothSucceed(check, after.get(key))).length
  return { scenario, required, ...sides, passed, problems }
}

function bothSucceed(bare: Check, gateway: Check | undefined): boolean {
  return bare.status === 'SUCCESS' && gateway?.status === 'SUCCESS'
}

function problemOf(
  key: string,
  bare: Check | undefined,
  gateway: Check | undefined,
  required: boolean,
): string[] {
  if (bare?.status !== gateway?.status) {
    const sides = `${bare?.status ?? 'absent'} bare, ${gateway?.status ?? 'absent'} through the gateway`
    return [`${key}: ${sides}${reasonOf(gateway)}${reasonOf(bare)}`]
  }
  return required && bare?.status === 'FAILURE' ? [`${key}: fails on both sides${reasonOf(bare)}`] : []
}

/** Without what the suite only notes (INFO), by id; an id that occurs again is counted. */
function verdicts(checks: readonly Check[]): ReadonlyMap<string, Check> {
  const found = new Map<string, Check>()
  for (const check of checks.filter(({ status }) => status !== 'INFO')) {
    let key = check.id
    for (let nth = 2; found.has(key); nth++) key = `${check.id} (${nth})`
    found.set(key, check)
  }
  return found
}

function tally(checks: readonly Check[] | undefined): string {
  if (checks === undefined) return '-'
  const failed = count(checks, 'FAILURE')
  const passed = `${count(checks, 'SUCCESS')} passed`
  return failed === 0 ? passed : `${passed}, ${failed} failed`
}

function count(checks: readonly Check[], status: string): number {
  return checks.filter((check) => check.status === status).length
}

function reasonOf(check: Check | undefined): string {
  return check?.errorMessage === undefined ? '' : `: ${check.errorMessage}`
}
